// SPDX-License-Identifier: Apache-2.0
// Reads a stream with DuckDB, compiled to WebAssembly, and asks it in SQL for every value as text.
'use strict';

const quote = (name) => `"${name.replace(/"/g, '""')}"`;

// A value of a DuckDB type as make_cases.c writes it.
function plain(type, x) {
	if (type.endsWith('[]')) return `list_transform(${x}, lambda item: ${plain(type.slice(0, -2), 'item')})`;
	switch (type) {
	case 'BOOLEAN': return `case ${x} when true then 't' when false then 'f' end`;
	case 'BLOB': return `'\\x' || lower(hex(${x}))`;
	case 'TIME': return `epoch_us(${x})::varchar`;
	case 'TIMESTAMP':
	case 'TIMESTAMP WITH TIME ZONE':
		return `case when ${x} = 'infinity' then '9223372036854775807' else epoch_us(${x})::varchar end`;
	case 'FLOAT':
	case 'DOUBLE': return `replace(${x}::varchar, 'inf', 'Infinity')`;
	case 'DATE': return `(${x} - date '1970-01-01')::varchar`;
	case 'INTERVAL': return `(datepart('year', ${x}) * 12 + datepart('month', ${x})) || ' ' || datepart('day', ${x}) || ' ' || ` +
		`((datepart('hour', ${x}) * 3600 + datepart('minute', ${x}) * 60) * 1000000000 + datepart('microsecond', ${x}) * 1000)`;
	default: return `${x}::varchar`;
	}
}

const types = {
	bool: 'BOOLEAN', int2: 'SMALLINT', int4: 'INTEGER', int8: 'BIGINT', float4: 'FLOAT', float8: 'DOUBLE', text: 'VARCHAR',
	bytea: 'BLOB', decimal: 'DECIMAL(38,2)', numeric: 'VARCHAR', date: 'DATE', time: 'TIME', timestamp: 'TIMESTAMP',
	timestamptz: 'TIMESTAMP WITH TIME ZONE', interval: 'INTERVAL', uuid: 'UUID', ints: 'INTEGER[]', texts: 'VARCHAR[]',
	bools: 'BOOLEAN[]', uuids: 'UUID[]',
};

module.exports = (load) => {
	const path = require('path');
	const duckdb = load('@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs');
	const dist = path.dirname(load.resolve('@duckdb/duckdb-wasm/dist/duckdb-node-blocking.cjs'));
	let ready;

	async function open() {
		const bundles = {
			mvp: { mainModule: path.join(dist, 'duckdb-mvp.wasm'), mainWorker: '' },
			eh: { mainModule: path.join(dist, 'duckdb-eh.wasm'), mainWorker: '' },
		};
		const db = await duckdb.createDuckDB(bundles, new duckdb.VoidLogger(), duckdb.NODE_RUNTIME);

		await db.instantiate(() => {});
		db.open({ query: { castBigIntToDouble: false } });
		return db;
	}

	return async (bytes, name) => {
		ready = ready || open();
		const connection = (await ready).connect();

		connection.insertArrowFromIPCStream(bytes, { name, create: true });
		const described = connection.query(`describe ${quote(name)}`).toArray();
		const columns = described.map((row) => row.column_name);
		for (const row of described) {
			if (types[row.column_name] && types[row.column_name] !== row.column_type)
				throw new Error(`column ${row.column_name} is ${row.column_type}, not ${types[row.column_name]}`);
		}
		const list = described.map((row, i) => `${plain(row.column_type, quote(row.column_name))} as c${i}`);
		const rows = connection.query(`select ${list.join(', ')} from ${quote(name)}`).toArray().map((row) =>
			columns.map((_, i) => {
				const value = row[`c${i}`];
				return value && typeof value !== 'string' ? Array.from(value) : value;
			}));

		connection.close();
		return { columns, rows };
	};
};
