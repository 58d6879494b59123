-- name: create_schema #
-- The tables of a small bank. Amounts are whole cents.
create table if not exists users (
	id int8 primary key,
	name text not null,
	email text,
	is_active boolean not null
);
create table if not exists accounts (
	id int8 primary key,
	user_id int8 not null references users (id),
	kind text not null,
	balance int8 not null check (balance >= 0),
	rate numeric(6,4),
	opened_on date not null
);
create table if not exists transactions (
	id int8 primary key,
	account_id int8 not null references accounts (id),
	amount int8 not null,
	state text not null,
	note text,
	created_at timestamptz not null
);
create index if not exists transactions_by_account on transactions (account_id, created_at);

-- name: drop_schema #
drop table if exists transactions;
drop table if exists accounts;
drop table if exists users;
