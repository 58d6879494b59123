-- name: totals :many
-- What happened each day.
-- read-only
-- column: day text
-- column: transactions int8
-- column: settled int8
select substr(cast(created_at as text), 1, 10) as day, count(*) as transactions,
       cast(sum(case when state = 'settled' then 1 else 0 end) as bigint) as settled
  from transactions
 group by substr(cast(created_at as text), 1, 10)
 order by day;

-- name: inactive :many
-- Users who may not act, with what they own.
-- read-only
-- column: owned int8
select u.id, u.name, u.email, u.is_active, cast(sum(a.balance) as bigint) as owned
  from users u join accounts a on a.user_id = u.id
 where not u.is_active
 group by u.id, u.name, u.email, u.is_active
 order by u.id;
