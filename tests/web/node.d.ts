// The little of Node.js that the model tests use, so that its types need not be installed.
declare module 'node:test' {
  export const afterEach: any;
  export const beforeEach: any;
  export const test: any;
  export const mock: any;
}
declare module 'node:assert/strict' {
  const assert: any;
  export default assert;
}
declare module 'node:fs' {
  export const readFileSync: any;
  export const readdirSync: any;
}
declare module 'node:path' {
  export const join: (...parts: string[]) => string;
  export const dirname: (path: string) => string;
  export const extname: (path: string) => string;
  export const relative: (from: string, to: string) => string;
}
declare module 'node:url' {
  export const fileURLToPath: (url: string | URL) => string;
}
declare module 'node:zlib' {
  export const gzipSync: (data: any, options?: { level?: number }) => { length: number };
}
