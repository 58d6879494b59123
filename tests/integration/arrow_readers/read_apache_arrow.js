// SPDX-License-Identifier: Apache-2.0
// Reads a stream with apache-arrow, Arrow's own implementation in JavaScript. Values of times come from the columns' memory, because
// the library gives them as milliseconds, rounded.
'use strict';

const types = {
	bool: 'Bool', int2: 'Int16', int4: 'Int32', int8: 'Int64', float4: 'Float32', float8: 'Float64', text: 'Utf8', json: 'Utf8',
	bytea: 'Binary', decimal: 'Decimal[38e+2]', numeric: 'Utf8', date: 'Date32<DAY>', time: 'Time64<MICROSECOND>',
	timestamp: 'Timestamp<MICROSECOND>', timestamptz: 'Timestamp<MICROSECOND, UTC>', interval: 'Interval<MONTH_DAY_NANO>',
	uuid: 'FixedSizeBinary[16]', other: 'Utf8', ints: 'List<Int32>', texts: 'List<Utf8>', bools: 'List<Bool>',
	uuids: 'List<FixedSizeBinary[16]>', number: 'Int64', flag: 'Bool', list: 'List<Int32>',
};
const metadata = {
	text: { 'cdbc.sql_type': 'text' },
	json: { 'cdbc.sql_type': 'json', 'ARROW:extension:name': 'arrow.json', 'ARROW:extension:metadata': '' },
	numeric: { 'cdbc.sql_type': 'numeric', 'cdbc.type': 'numeric' },
	uuid: { 'cdbc.sql_type': 'uuid', 'ARROW:extension:name': 'arrow.uuid', 'ARROW:extension:metadata': '' },
};

const hex = (bytes) => Buffer.from(bytes).toString('hex');
const uuid = (bytes) => hex(bytes).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

function decimal(words, scale) {
	let number = 0n;
	for (let i = 3; i >= 0; i--) number = (number << 32n) | BigInt(words[i]);
	number = BigInt.asIntN(128, number);
	const digits = String(number < 0n ? -number : number).padStart(scale + 1, '0');
	return (number < 0n ? '-' : '') + digits.slice(0, -scale) + '.' + digits.slice(-scale);
}

function interval(words) {
	const ns = new DataView(words.buffer, words.byteOffset + 8, 8).getBigInt64(0, true);
	return `${words[0]} ${words[1]} ${ns}`;
}

module.exports = (load) => {
	const arrow = load('apache-arrow');

	function canonical(type, vector, i) {
		const data = vector.data[0];

		if (vector.data.length !== 1) throw new Error('a column in several parts');
		if (!vector.isValid(i)) return null;
		switch (type.typeId) {
		case arrow.Type.Bool: return vector.get(i) ? 't' : 'f';
		case arrow.Type.Binary: return '\\x' + hex(vector.get(i));
		case arrow.Type.FixedSizeBinary: return uuid(vector.get(i));
		case arrow.Type.Decimal: return decimal(vector.get(i), type.scale);
		case arrow.Type.Date: return String(data.values[i]);
		case arrow.Type.Time:
		case arrow.Type.Timestamp: return String(data.values[i]);
		case arrow.Type.Interval: return interval(data.values.subarray(4 * i, 4 * i + 4));
		case arrow.Type.List: {
			const items = vector.get(i);
			return Array.from({ length: items.length }, (_, k) => canonical(items.type, items, k));
		}
		case arrow.Type.Float: return Object.is(vector.get(i), -0) ? '-0' : String(vector.get(i));
		default: return String(vector.get(i));
		}
	}

	function check(field) {
		const wanted = types[field.name], found = String(field.type);
		const pairs = JSON.stringify(Object.fromEntries(field.metadata));

		if (wanted && found !== wanted) throw new Error(`column ${field.name} is ${found}, not ${wanted}`);
		if (!field.nullable) throw new Error(`column ${field.name} cannot be null`);
		if (metadata[field.name] && pairs !== JSON.stringify(metadata[field.name])) throw new Error(`${field.name} has ${pairs}`);
	}

	return async (bytes) => {
		const stream = arrow.RecordBatchReader.from(bytes);
		const rows = [];

		stream.open();
		const fields = stream.schema.fields;
		fields.forEach(check);
		for (const batch of stream) {
			const columns = fields.map((_, c) => batch.getChildAt(c));

			for (let r = 0; r < batch.numRows; r++) rows.push(columns.map((v) => canonical(v.type, v, r)));
		}
		return { columns: fields.map((f) => f.name), rows };
	};
};
