// The demo as the browser tests use it: real daemons and two virtual boards, in a directory of their own.

import { spawn, execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const cpyctl = new URL('../../target/debug/cpyctl', import.meta.url).pathname;

export class Demo {
  password = 'passw0rd';
  names = ['cpy-7e6f35', 'cpy-8d8af2'];
  #process;
  #directory;

  /** Starts a demo and waits until it has said its addresses. */
  static async start() {
    const demo = new Demo();
    demo.#directory = await mkdtemp(join(tmpdir(), 'cpy-browser-'));
    demo.port = await freePort();
    demo.#process = spawn(cpyctl, ['demo', '--local', '--port', `${demo.port}`, '--password', demo.password], {
      env: demo.#environment(),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise((resolve, reject) => {
      let said = '';
      demo.#process.stdout.on('data', (data) => {
        said += data;
        if (said.includes('Ctrl-C')) resolve();
      });
      demo.#process.on('error', reject);
      demo.#process.on('exit', (code) => reject(new Error(`the demo ended with ${code}: ${said}`)));
    });
    return demo;
  }

  /** The address of a path on a board, or without a board at the gateway itself. */
  url(path, name) {
    return `http://${name ? `${name}.` : ''}localhost:${this.port}${path}`;
  }

  /** Plugs or unplugs a board. */
  async board(action, name) {
    await promisify(execFile)(cpyctl, ['demo', action, name], { env: this.#environment() });
  }

  async stop() {
    const exit = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.kill('SIGINT');
    await exit;
    await rm(this.#directory, { recursive: true });
  }

  #environment() {
    // The demo would prefer the user's runtime directory, where another demo may run.
    const { XDG_RUNTIME_DIR: _, ...others } = process.env;
    return { ...others, TMPDIR: this.#directory };
  }
}

/** A port that nobody listens on in this moment. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}
