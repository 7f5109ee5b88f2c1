{{ config(materialized="view") }}
select id, customer_id, amount, placed_at from {{ ref("orders") }}
