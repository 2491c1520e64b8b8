// The conformance suite asks Node's `fs` for a function that Node has since 22, and needs it for scenarios that are files of
// its own checkout; an older Node is given one that finds none.
import { register } from 'node:module';

const source = `
import fs from 'node:fs';
export * from 'node:fs';
export default fs;
export const globSync = fs.globSync ?? (() => []);
`;

const hooks = `
export async function resolve(specifier, context, next) {
  const asked = specifier === 'fs' && (context.parentURL ?? '').includes('/conformance/');
  return asked ? { url: 'mosaic:fs', format: 'module', shortCircuit: true } : next(specifier, context);
}
export async function load(url, context, next) {
  return url === 'mosaic:fs'
    ? { format: 'module', source: ${JSON.stringify(source)}, shortCircuit: true }
    : next(url, context);
}
`;

register(`data:text/javascript,${encodeURIComponent(hooks)}`);
