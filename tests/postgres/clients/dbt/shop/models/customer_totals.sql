{{ config(materialized="table", contract={"enforced": true}) }}
select customers.id as customer_id, customers.name, coalesce(sum(amount), 0)::numeric(18, 2) as total
from {{ ref("customers") }} as customers
left join {{ ref("staged_orders") }} as orders on orders.customer_id = customers.id
group by customers.id, customers.name
