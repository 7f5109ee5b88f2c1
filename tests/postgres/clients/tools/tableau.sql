select n.nspname, c.relname, a.attname, a.atttypid, t.typname, a.attnum, a.attlen, a.atttypmod, a.attnotnull, c.relhasrules, c.relkind, c.oid, pg_get_expr(d.adbin, d.adrelid), case t.typtype when 'd' then t.typbasetype else 0 end, t.typtypmod, 0, attidentity, c.relhassubclass from (((pg_catalog.pg_class c inner join pg_catalog.pg_namespace n on n.oid = c.relnamespace and c.relname like 'people' and n.nspname like 'shop') inner join pg_catalog.pg_attribute a on (not a.attisdropped) and a.attnum > 0 and a.attrelid = c.oid) inner join pg_catalog.pg_type t on t.oid = a.atttypid) left outer join pg_attrdef d on a.atthasdef and d.adrelid = a.attrelid and d.adnum = a.attnum order by n.nspname, c.relname, attnum;

select relname, nspname, relkind from pg_catalog.pg_class c, pg_catalog.pg_namespace n where relkind in ('r', 'v', 'm', 'f', 'p') and nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'pg_temp_1') and n.oid = relnamespace and nspname = 'shop' order by nspname, relname;

select ta.attname, ia.attnum, n.nspname, tc.relname from pg_catalog.pg_attribute ta, pg_catalog.pg_attribute ia, pg_catalog.pg_class tc, pg_catalog.pg_index i, pg_catalog.pg_namespace n, pg_catalog.pg_class ic where tc.relname = 'people' AND n.nspname = 'shop' AND tc.oid = i.indrelid AND n.oid = tc.relnamespace AND i.indisprimary = 't' AND ia.attrelid = i.indexrelid AND ta.attrelid = i.indrelid AND ta.attnum = i.indkey[ia.attnum-1] AND (NOT ta.attisdropped) AND (NOT ia.attisdropped) AND ic.oid = i.indexrelid order by ia.attnum;

select	current_database() is not null as "PKTABLE_CAT",
	n2.nspname as "PKTABLE_SCHEM",
	c2.relname as "PKTABLE_NAME",
	a2.attname as "PKCOLUMN_NAME",
	n1.nspname as "FKTABLE_SCHEM",
	c1.relname as "FKTABLE_NAME",
	a1.attname as "FKCOLUMN_NAME",
	i::int2 as "KEY_SEQ",
	case ref.confupdtype
		when 'c' then 0::int2
		when 'n' then 2::int2
		when 'd' then 4::int2
		when 'r' then 1::int2
		else 3::int2
	end as "UPDATE_RULE",
	cn.conname is not null as "FK_NAME",
	case
		when cn.condeferrable then
			case
			when cn.condeferred then 5::int2
			else 6::int2
			end
		else 7::int2
	end as "DEFERRABLITY"
from
	((((((( (select cn.oid, conrelid, conkey, confrelid, confkey,
	 generate_series(array_upper(conkey, 1), 1, -1) as i,
	 confupdtype, confdeltype, conname
	from pg_catalog.pg_constraint cn,
		pg_catalog.pg_class c,
		pg_catalog.pg_namespace n
	where contype = 'f'
	 and  conrelid = c.oid
	 and  relname = 'people'
	 and  n.oid = c.relnamespace
	 and  n.nspname = 'shop'
	) ref
	inner join pg_catalog.pg_class c1
	 on c1.oid = ref.conrelid)
	inner join pg_catalog.pg_namespace n1
	 on  n1.oid = c1.relnamespace)
	inner join pg_catalog.pg_attribute a1
	 on  a1.attrelid = c1.oid
	 and  a1.attnum = conkey[i])
	inner join pg_catalog.pg_class c2
	 on  c2.oid = ref.confrelid)
	inner join pg_catalog.pg_namespace n2
	 on  n2.oid = c2.relnamespace)
	inner join pg_catalog.pg_attribute a2
	 on  a2.attrelid = c2.oid
	 and  a2.attnum = confkey[i])
	inner join pg_catalog.pg_constraint cn
	 on cn.conrelid = ref.conrelid
	 and cn.oid = ref.oid)
	order by ref.oid, ref.i;

select oid, typbasetype from pg_type where typname = 'lo';

select nspname from pg_namespace n where nspname = 'shop' order by nspname;
