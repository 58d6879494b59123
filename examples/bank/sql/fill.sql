-- name: fill_users !
-- The same rows on every database: number i has everything worked out from i.
-- param: count int8 min=1 -- how many
with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < :count)
insert into users (id, name, email, is_active)
select i, 'user ' || cast(i as text), case when i % 5 = 0 then null else 'user' || cast(i as text) || '@example.org' end, i % 7 <> 0
  from numbers;

-- name: fill_accounts !
-- Two accounts for each user.
-- dialect: postgresql, cockroachdb
-- param: count int8 min=1 -- users
with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < 2 * :count)
insert into accounts (id, user_id, kind, balance, rate, opened_on)
select i, cast((i + i % 2) / 2 as bigint), case when i % 2 = 1 then 'giro' else 'savings' end, i * 7919 % 100000 * 100,
       case when i % 2 = 0 then i % 400 / 10000.0 end, date '2020-01-01' + cast(i % 1000 as int)
  from numbers;

-- name: fill_accounts !
-- dialect: sqlite
-- param: count int8 min=1 -- users
with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < 2 * :count)
insert into accounts (id, user_id, kind, balance, rate, opened_on)
select i, cast((i + i % 2) / 2 as bigint), case when i % 2 = 1 then 'giro' else 'savings' end, i * 7919 % 100000 * 100,
       case when i % 2 = 0 then i % 400 / 10000.0 end, date('2020-01-01', '+' || (i % 1000) || ' days')
  from numbers;

-- name: fill_transactions !
-- A transaction every 37 minutes.
-- dialect: postgresql, cockroachdb
-- param: count int8 min=1 -- how many
-- param: users int8 min=1 -- users, who have two accounts each
with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < :count)
insert into transactions (id, account_id, amount, state, note, created_at)
select i, i * 31 % (2 * :users) + 1, (i * 6271 % 20000 - 10000) * 10,
       case i % 10 when 0 then 'failed' when 1 then 'pending' else 'settled' end,
       case when i % 3 = 0 then 'invoice ' || cast(i as text) end,
       timestamptz '2024-01-01 00:00:00+00' + i * interval '37 minutes'
  from numbers;

-- name: fill_transactions !
-- dialect: sqlite
-- param: count int8 min=1 -- how many
-- param: users int8 min=1 -- users, who have two accounts each
with recursive numbers (i) as (select 1 union all select i + 1 from numbers where i < :count)
insert into transactions (id, account_id, amount, state, note, created_at)
select i, i * 31 % (2 * :users) + 1, (i * 6271 % 20000 - 10000) * 10,
       case i % 10 when 0 then 'failed' when 1 then 'pending' else 'settled' end,
       case when i % 3 = 0 then 'invoice ' || cast(i as text) end,
       strftime('%Y-%m-%dT%H:%M:%SZ', 1704067200 + i * 2220, 'unixepoch')
  from numbers;
