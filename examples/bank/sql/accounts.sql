-- name: account_by_id :one
-- One account.
-- param: id int8 -- its number
-- read-only
select id, user_id, kind, balance, rate, opened_on from accounts where id = :id;

-- name: find_account ^
-- One account, or none.
-- param: id int8 -- its number
-- read-only
select id, kind, balance from accounts where id = :id;

-- name: accounts_of_users :many
-- The accounts of several users: cdbc run accounts_of_users -p user_ids='{1,2,3}'
-- param: user_ids int8[] -- whose
-- read-only
select id, user_id, kind, balance from accounts where user_id in (:user_ids) order by id;

-- name: richest :many
-- The accounts with the most in them.
-- param: count int8 min=1 max=1000 = 5 -- how many
-- read-only
select a.id, u.name, a.kind, a.balance
  from accounts a join users u on u.id = a.user_id
 order by a.balance desc, a.id
 limit :count;

-- name: account_count $
-- How many accounts there are.
-- read-only
select count(*) as accounts from accounts;

-- name: withdraw !
-- Takes from an account; the check on the balance refuses what is not there.
-- param: id int8 -- the account
-- param: amount int8 min=1 -- cents
update accounts set balance = balance - :amount where id = :id;
