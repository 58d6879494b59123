-- name: pay :execrows
-- param: id int8
-- param: amount int8
update accounts set balance = balance + :amount where id = :id;
