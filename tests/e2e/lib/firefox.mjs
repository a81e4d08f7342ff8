// Headless Firefox without a network, driven by Marionette, its own protocol: packets `LENGTH:[0, id, command, parameters]` over TCP,
// answered by `LENGTH:[1, id, error, result]`. What drives Chromium here needs a newer Firefox than Debian's.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import * as environment from './environment.mjs';
import { until } from './until.mjs';

const PREFERENCES = {
  // A free one, which Firefox then writes into its profile.
  'marionette.port': 0,
  'app.update.disabledForTesting': true,
  'browser.shell.checkDefaultBrowser': false,
  'browser.startup.homepage_override.mstone': 'ignore',
  'datareporting.policy.dataSubmissionEnabled': false,
};
/** The key under which WebDriver names an element. */
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** Starts Firefox offline, with a window of 1280 by 1000 pixels. */
export async function launchFirefox() {
  const profile = mkdtempSync(join(tmpdir(), 'temporal-lens-firefox-'));
  const lines = Object.entries(PREFERENCES).map(([name, value]) => `user_pref(${JSON.stringify(name)}, ${JSON.stringify(value)});\n`);
  writeFileSync(join(profile, 'user.js'), lines.join(''));
  const flags = ['--headless', '--marionette', '--remote-allow-system-access', '--no-remote', '--profile', profile];
  const size = { MOZ_HEADLESS_WIDTH: '1280', MOZ_HEADLESS_HEIGHT: '1000' };
  const browser = spawn(environment.firefox(), flags, { env: { ...process.env, ...size }, stdio: 'ignore' });
  const ended = once(browser, 'exit');
  let connection;
  const close = async () => {
    const quit = connection?.command('Marionette:Quit', { flags: ['eForceQuit'] }) ?? Promise.reject(new Error('not connected'));
    await quit.catch(() => browser.kill());
    await ended;
    rmSync(profile, { recursive: true, force: true });
  };
  try {
    const portFile = join(profile, 'MarionetteActivePort');
    await until(() => {
      assert.equal(browser.exitCode, null, 'Firefox ended at once');
      return existsSync(portFile) && readFileSync(portFile, 'utf8').trim();
    }, 'Firefox listening');
    connection = await Connection.open(Number(readFileSync(portFile, 'utf8')));
    await connection.command('WebDriver:NewSession', {});
    const firefox = new Firefox(connection, close);
    await firefox.watch();
    return firefox;
  } catch (error) {
    await close();
    throw error;
  }
}

class Connection {
  #socket;

  #waiting = new Map();

  #received = Buffer.alloc(0);

  #last = 0;

  static async open(port) {
    const connection = new Connection();
    connection.#socket = connect(port, '127.0.0.1');
    connection.#socket.on('data', (bytes) => connection.#take(bytes));
    // What is waited for fails by the end of the connection.
    connection.#socket.on('error', () => {});
    connection.#socket.on('close', () => {
      for (const { reject } of connection.#waiting.values()) reject(new Error('Firefox closed the connection'));
    });
    await once(connection.#socket, 'connect');
    return connection;
  }

  /** The result of a command; fails with what Firefox says. */
  command(name, parameters) {
    this.#last += 1;
    const text = JSON.stringify([0, this.#last, name, parameters]);
    return new Promise((resolve, reject) => {
      this.#waiting.set(this.#last, { resolve, reject });
      this.#socket.write(`${Buffer.byteLength(text)}:${text}`);
    });
  }

  #take(bytes) {
    this.#received = Buffer.concat([this.#received, bytes]);
    for (;;) {
      const colon = this.#received.indexOf(':');
      const end = colon + 1 + Number(this.#received.subarray(0, Math.max(colon, 0)));
      if (colon < 0 || this.#received.length < end) return;
      const packet = JSON.parse(this.#received.subarray(colon + 1, end));
      this.#received = this.#received.subarray(end);
      // The first packet is a greeting.
      const waiting = Array.isArray(packet) && this.#waiting.get(packet[1]);
      if (!waiting) continue;
      this.#waiting.delete(packet[1]);
      if (packet[2]) waiting.reject(new Error(`${packet[2].error}: ${packet[2].message}`));
      else waiting.resolve(packet[3]);
    }
  }
}

class Firefox {
  #connection;

  constructor(connection, close) {
    this.#connection = connection;
    this.close = close;
  }

  /** Takes it offline and notes what pages ask for. */
  async watch() {
    await this.#browser(() => {
      Services.io.offline = true;
      Services.console.reset();
      window.requestedByPages = [];
      window.watchRequests = { observe(channel) {
        const { loadInfo, URI } = channel.QueryInterface(Ci.nsIHttpChannel);
        if (!loadInfo.triggeringPrincipal.isSystemPrincipal) window.requestedByPages.push(URI.spec);
      } };
      Services.obs.addObserver(window.watchRequests, 'http-on-opening-request');
    });
  }

  /** Opens an address. */
  async open(url) {
    await this.#connection.command('WebDriver:Navigate', { url });
  }

  /** What a function answers in the page. */
  async evaluate(call, ...args) {
    const { value } = await this.#connection.command('WebDriver:ExecuteScript', { script: `return (${call})(...arguments);`, args });
    return value;
  }

  /** Waits until a function answers true in the page. */
  until(call, ...args) {
    return until(() => this.evaluate(call, ...args), `in Firefox: ${call}`, 30_000);
  }

  /** Clicks an element as a person does. */
  async click(selector) {
    const { value } = await this.#connection.command('WebDriver:FindElement', { using: 'css selector', value: selector });
    await this.#connection.command('WebDriver:ElementClick', { id: value[ELEMENT] });
  }

  /** Errors that pages and their workers did not catch, and what a policy refused. */
  problems() {
    return this.#browser(() => Services.console.getMessageArray()
      .filter((it) => it instanceof Ci.nsIScriptError && !(it.flags & Ci.nsIScriptError.warningFlag))
      // The browser has errors of its own.
      .filter((it) => !/^(chrome|resource):/.test(it.sourceName))
      .map((it) => it.message));
  }

  /** What pages asked a network for. */
  requested() {
    return this.#browser(() => window.requestedByPages);
  }

  /** Saves what the page shows now. */
  async screenshot(name) {
    const { value } = await this.#connection.command('WebDriver:TakeScreenshot', { full: true });
    writeFileSync(join(environment.out, `${name}.png`), Buffer.from(value, 'base64'));
  }

  /** What a function answers in the browser itself. */
  async #browser(call) {
    await this.#connection.command('Marionette:SetContext', { value: 'chrome' });
    try {
      return await this.evaluate(call);
    } finally {
      await this.#connection.command('Marionette:SetContext', { value: 'content' });
    }
  }
}
