-- setup:
-- call: create_schema
-- call: fill_users count=3
-- call: fill_accounts count=3

-- test: the newest transactions of a user come first
-- given two of the user's, and one of another's
insert into transactions (id, account_id, amount, state, note, created_at) values
	(1, 1, 100, 'settled', 'a|b', '2024-01-01T00:00:00Z'), (2, 2, -50, 'pending', '', '2024-01-03T00:00:00Z'),
	(3, 3, 7, 'settled', null, '2024-01-02T00:00:00Z');
-- call: get_user_transactions user_id=1
-- expect:
-- | id | amount | note | state   |
-- |----|--------|------|---------|
-- | 2  | -50    | ""   | pending |
-- | 1  | 100    | a\|b | settled |
-- call: get_user_transactions user_id=1 count=1
-- expect: 1 row

-- test: transactions of a state from a moment on
-- call: fill_transactions count=100 users=3
-- expect: affected 100
-- call: transactions_since
-- param: since='2024-01-02 00:00:00+00' state=failed
-- expect: 7 rows
-- call: transactions_since since=2024-01-02T00:00:00Z state=unheard
-- expect: error state

-- test: the times are as the server prints them
-- dialect: postgresql, cockroachdb
-- call: fill_transactions count=2 users=3
-- call: transactions_since since=2024-01-01T00:00:00Z state=settled
-- expect:
-- | id | created_at           |
-- |----|----------------------|
-- | 2  | 2024-01-01T01:14:00Z |
