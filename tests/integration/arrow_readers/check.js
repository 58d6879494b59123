// SPDX-License-Identifier: Apache-2.0
// Reads each NAME.arrow of a folder with one of the readers and compares what it finds with NAME.json (make_cases.c says what is
// in it). Speaks TAP.
//
// usage: node check.js READER MODULES_FOLDER CASES_FOLDER
'use strict';

const fs = require('fs');
const path = require('path');
const { createRequire } = require('module');

const [reader, modules, folder] = process.argv.slice(2);
const load = createRequire(path.join(path.resolve(modules), 'x.js'));
const read = require(`./read_${reader.replace('-', '_')}.js`)(load);

// A number's text is not the same everywhere; the number is.
function plain(column, value) {
	if (value === null || Array.isArray(value)) return value;
	if (column === 'float4') return Object.is(Math.fround(Number(value)), -0) ? '-0' : String(Math.fround(Number(value)));
	if (column === 'float8') return Object.is(Number(value), -0) ? '-0' : String(Number(value));
	return value;
}

function difference(found, expected) {
	if (JSON.stringify(found.columns) !== JSON.stringify(expected.columns)) return `columns ${JSON.stringify(found.columns)}`;
	if (found.rows.length !== expected.rows.length) return `${found.rows.length} rows, not ${expected.rows.length}`;
	for (let r = 0; r < expected.rows.length; r++) {
		for (let c = 0; c < expected.columns.length; c++) {
			const name = expected.columns[c];
			const a = JSON.stringify(plain(name, found.rows[r][c]));
			const b = JSON.stringify(plain(name, expected.rows[r][c]));
			if (a !== b) return `row ${r}, column ${name}: ${a}, not ${b}`;
		}
	}
	return null;
}

async function main() {
	const names = fs.readdirSync(folder).filter((f) => f.endsWith('.arrow')).map((f) => f.slice(0, -6)).sort();
	let bad = 0;

	if (names.length === 0) throw new Error('no cases');
	console.log(`1..${names.length}`);
	for (const [i, name] of names.entries()) {
		const expected = JSON.parse(fs.readFileSync(path.join(folder, `${name}.json`), 'utf8'));
		let wrong;

		try {
			wrong = difference(await read(fs.readFileSync(path.join(folder, `${name}.arrow`)), name), expected);
		} catch (error) {
			wrong = error.stack;
		}
		if (wrong) {
			bad++;
			console.log(`not ok ${i + 1} - ${name}\n${wrong.replace(/^/gm, '# ')}`);
		} else {
			console.log(`ok ${i + 1} - ${name}: ${expected.rows.length} rows`);
		}
	}
	process.exitCode = bad ? 1 : 0;
}

main();
