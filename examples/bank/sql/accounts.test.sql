-- Tests of the queries in this folder: cdbc queries test -d sqlite::memory: examples/bank/sql
-- Each test finds the rows made here, and nothing of it stays.

-- setup:
-- call: create_schema
insert into users (id, name, email, is_active) values
	(1, 'ada', 'ada@example.org', true), (2, 'grace', null, false);
insert into accounts (id, user_id, kind, balance, rate, opened_on) values
	(10, 1, 'giro', 1000, null, '2020-01-02'), (11, 1, 'savings', 5000, 0.0125, '2020-01-03'), (20, 2, 'giro', 0, null, '2021-12-31');

-- test: an account by its number
-- call: account_by_id id=10
-- expect:
-- | id | user_id | kind | balance | rate | opened_on  |
-- |----|---------|------|---------|------|------------|
-- | 10 | 1       | giro | 1000    | NULL | 2020-01-02 |
-- call: account_by_id id=99
-- expect: error data

-- test: an account or none
-- call: find_account id=20
-- expect: 1 row
-- call: find_account id=99
-- expect: nothing

-- test: the accounts of several users
-- call: accounts_of_users user_ids={2,1}
-- expect: unordered
-- | kind    | id |
-- |---------|----|
-- | giro    | 20 |
-- | savings | 11 |
-- | giro    | 10 |
-- call: accounts_of_users user_ids={}
-- expect: nothing

-- test: the richest come first
-- call: richest count=2
-- expect:
-- | id | name | balance |
-- |----|------|---------|
-- | 11 | ada  | 5000    |
-- | 10 | ada  | 1000    |
-- call: richest count=0
-- expect: error count

-- test: a withdrawal takes what is there, and no more
-- call: withdraw id=10 amount=400
-- expect: affected 1
-- call: withdraw id=10 amount=601
-- expect: error 23514
-- call: withdraw id=99 amount=1
-- expect: nothing
select balance from accounts where id = 10;
-- expect:
-- | balance |
-- |---------|
-- | 600     |

-- test: accounts are counted
-- call: account_count
-- expect:
-- | accounts |
-- |----------|
-- | 3        |
