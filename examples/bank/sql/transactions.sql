-- name: get_user_transactions :many
-- Newest transactions of one user.
-- param: user_id int8 -- whose
-- param: count int8 min=1 max=1000 = 20 -- at most
-- read-only
-- timeout: 2s
select t.id, t.account_id, t.amount, t.state, t.note, t.created_at
  from transactions t join accounts a on a.id = t.account_id
 where a.user_id = :user_id
 order by t.created_at desc, t.id desc
 limit :count;

-- name: transactions_since :many
-- All transactions of a state from a moment on.
-- param: since timestamptz -- from here on
-- param: state text in('pending', 'settled', 'failed') = 'settled' -- which
-- read-only
-- max-rows: 10000
select id, account_id, amount, created_at
  from transactions
 where created_at >= :since and state = :state
 order by id;
