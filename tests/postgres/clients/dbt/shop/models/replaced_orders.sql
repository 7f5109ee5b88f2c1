{{ config(materialized="incremental", incremental_strategy="delete+insert", unique_key="id", on_schema_change="append_new_columns") }}
select id, amount{% if is_incremental() %}, 'late'::text as note{% endif %} from {{ ref("orders") }}
{% if is_incremental() %} where id = 3 {% endif %}
