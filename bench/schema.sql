-- The benchmark's tables: :accounts rows to select from, :bigrows rows to stream.
set client_min_messages = warning;
drop table if exists accounts, big, loaded;
create table loaded (id int8 not null, n int4 not null, txt text not null);
create table accounts (id int8 primary key, name text not null, balance int8 not null, updated_at timestamptz not null);
insert into accounts
select i, 'account-' || lpad(i::text, 10, '0'), i * 7 % 100000, timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second'
  from generate_series(1, :accounts) i;
create table big (id int8 not null, n int4 not null, val float8 not null, txt text not null, ts timestamptz not null, flag bool not null);
insert into big
select i, i % 1000003, i::float8 * 0.5, 'row-' || lpad(i::text, 16, '0'), timestamptz '2024-01-01 00:00:00+00' + i * interval '1 second', i % 3 = 0
  from generate_series(1, :bigrows) i;
select version() like 'CockroachDB%' as is_cockroach \gset
\if :is_cockroach
analyze accounts;
analyze big;
\else
vacuum analyze accounts, big;
\endif
select count(*) from big where val < 0 \g /dev/null
select sum(balance) from accounts \g /dev/null
