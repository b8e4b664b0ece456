/*
 * Writes src/generated/{settings,messages}.ts from api/*.schema.json: one type
 * a definition, and for settings the numeric ranges and defaults by path, and
 * the defaults of what a stored one may lack. The server adds those, so every
 * member of settings is there.
 * Understands what those schemas use: const, enum, object, array, $ref and
 * plain types; anything else is an error.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const here = new URL('.', import.meta.url);
const read = (name) =>
    JSON.parse(readFileSync(new URL(`../api/${name}.schema.json`, here), 'utf8'));
const pascal = (name) => name.replace(/(^|_)([a-z])/g, (_, __, c) => c.toUpperCase());

function type(schema, whole = false) {
    if (schema.$ref) return pascal(schema.$ref.split('/').pop());
    if ('const' in schema) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((v) => JSON.stringify(v)).join(' | ');
    switch (schema.type) {
        case 'object':
            return schema.properties ? object(schema, whole) : 'Record<string, unknown>';
        case 'array':
            return array(schema, whole);
        case 'integer':
        case 'number':
            return 'number';
        case 'string':
        case 'boolean':
            return schema.type;
    }
    throw new Error(`no type for ${JSON.stringify(schema)}`);
}

function object(schema, whole) {
    const required = new Set(schema.required ?? []);
    const fields = Object.entries(schema.properties).map(
        ([name, s]) => `${name}${whole || required.has(name) ? '' : '?'}: ${type(s, whole)};`,
    );
    return `{ ${fields.join(' ')} }`;
}

function array(schema, whole) {
    const item = type(schema.items, whole);
    const n = schema.minItems;
    if (n !== undefined && n === schema.maxItems && n <= 4) {
        return `[${Array(n).fill(item).join(', ')}]`;
    }
    return `Array<${item}>`;
}

function ranges(schema, path, out) {
    for (const [name, s] of Object.entries(schema.properties ?? {})) {
        const at = path ? `${path}.${name}` : name;
        if ('minimum' in s && 'maximum' in s) {
            const { minimum: min, maximum: max } = s;
            out[at] = 'default' in s ? { min, max, default: s.default } : { min, max };
        }
        ranges(s, at, out);
        if (s.items) ranges(s.items, at, out);
    }
    return out;
}

function defaults(schema) {
    const required = new Set(schema.required ?? []);
    const out = {};
    for (const [name, s] of Object.entries(schema.properties)) {
        const inner = s.properties ? defaults(s) : {};
        if ('default' in s && !required.has(name)) {
            out[name] = s.default;
        } else if (Object.keys(inner).length > 0) {
            out[name] = inner;
        }
    }
    return out;
}

function definitions(schema) {
    return Object.entries(schema.$defs)
        .filter(([name]) => !name.startsWith('control_'))
        .map(([name, s]) => `export type ${pascal(name)} = ${type(s)};\n`)
        .join('');
}

const head = '// Made by types.mjs from api/. Not edited by hand.\n\n';
mkdirSync(new URL('src/generated/', here), { recursive: true });

const settings = read('settings');
writeFileSync(
    new URL('src/generated/settings.ts', here),
    `${head}${definitions(settings)}export type Settings = ${type(settings, true)};\n` +
        `\nexport const ranges = ${JSON.stringify(ranges(settings, '', {}), null, 4)} as const;\n` +
        `\nexport const defaults = ${JSON.stringify(defaults(settings), null, 4)};\n`,
);
writeFileSync(new URL('src/generated/messages.ts', here), head + definitions(read('messages')));
