{{ config(materialized="incremental", incremental_strategy="merge", unique_key="id") }}
select id, amount, {{ var("round", 1) }} as round from {{ ref("orders") }}
{% if is_incremental() %}
where id >= 2
union all
select 4, 1.00, {{ var("round", 1) }}
{% endif %}
