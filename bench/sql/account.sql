-- name: account :one
-- param: id int8
select id, name, balance, updated_at from accounts where id = :id;
