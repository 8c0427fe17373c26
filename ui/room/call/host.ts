/** Loads the plugins' modules and gives each its RoomApi, with a fence at every seam. */
import * as React from 'react';
import htm from 'htm';
import type { Room } from 'livekit-client';
import type { Admission } from '../api';
import { remember, remembered } from '../storage';
import type { PageConfig, PluginEntry } from '../config';
import { fill, t } from '../i18n';
import { announce, toast } from '../notices';
import { Icon } from '../parts';
import { panelKey, Registry } from '../registry';
import { pluginRoutes } from '../routes';
import { API_VERSION, type Dispose, type Farewell, type Me, type PluginSetup, type RoomApi, type Sendable } from '../sdk';
import { formatSize } from '../sizes';
import { UploadRow } from '../UploadRow';
import { Uploads } from '../uploads';
import { Bus } from './bus';

export interface Failure {
  id: string;
  error: string;
}
type Load = (address: string) => Promise<{ default?: unknown }>;

const LOAD_MS = 8000;
const { useState, useEffect, useRef, useMemo, useCallback, useId, useSyncExternalStore } = React;
const html = htm.bind(React.createElement) as unknown as RoomApi['ui']['html'];
const ui: RoomApi['ui'] = { html, UploadRow, Icon, useState, useEffect, useRef, useMemo, useCallback, useId, useSyncExternalStore };

const importModule: Load = (address) => import(/* @vite-ignore */ address);

function inTime<T>(work: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`not ready after ${ms / 1000} s`)), ms);
    work.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

function addStyles(addresses: readonly string[]) {
  for (const href of addresses) {
    document.head.append(Object.assign(document.createElement('link'), { rel: 'stylesheet', href }));
  }
}

export class PluginHost {
  readonly registry = new Registry();
  readonly bus: Bus;
  readonly failures: Failure[] = [];
  /** What a plugin said in case the server puts this person out. */
  farewell: Farewell | undefined;
  readonly me: Me;
  /** How devices are turned on; given by the call. */
  turnOn: RoomApi['turnOn'] = async () => false;
  private readonly uploads = new Uploads();
  private readonly leaving = new AbortController();
  private readonly disposers: { id: string; dispose: Dispose }[] = [];
  private readonly apis = new Map<string, RoomApi>();
  private readonly stops = new Map<string, AbortController>();
  private entries: readonly PluginEntry[];

  constructor(
    readonly config: PageConfig,
    readonly admission: Admission,
    readonly room: Room,
  ) {
    const { identity, name, role } = admission;
    this.entries = config.plugins;
    this.me = { identity, name, role, isHost: role === 'host' };
    this.bus = new Bus(room, (error) => this.fail('room', error));
    this.registry.onError = (plugin, error) => this.fail(plugin, error);
  }

  /**
   * Reports once per plugin and error. It is called while rendering too, so the news goes out in a
   * microtask: a callback that always throws would otherwise render, throw and report for ever.
   */
  fail(id: string, error: unknown) {
    const words = String(error);
    if (this.failures.some((known) => known.id === id && known.error === words)) return;
    this.failures.push({ id, error: words });
    console.error(`[plugin ${id}]`, error);
    queueMicrotask(this.registry.bump);
  }

  /** One broken or slow plugin stops neither the others nor the call. */
  async loadAll(load: Load = importModule, ms = LOAD_MS): Promise<void> {
    await Promise.allSettled(this.entries.map((plugin) => this.load(plugin, load, ms)));
  }

  /** What was switched on or off meanwhile comes and goes without a reload. */
  async follow(entries: readonly PluginEntry[], load: Load = importModule, ms = LOAD_MS): Promise<void> {
    const before = this.entries;
    const isIn = (list: readonly PluginEntry[], { id }: PluginEntry) => list.some((one) => one.id === id);
    before.filter((plugin) => !isIn(entries, plugin)).forEach(({ id }) => this.unload(id));
    this.entries = entries;
    await Promise.allSettled(entries.filter((plugin) => !isIn(before, plugin)).map((plugin) => this.load(plugin, load, ms)));
  }

  close() {
    this.leaving.abort();
    for (const { id, dispose } of this.disposers.splice(0)) this.registry.safe(id, dispose, undefined);
  }

  private unload(id: string) {
    const mine = this.disposers.filter((one) => one.id === id);
    for (const one of mine) {
      this.disposers.splice(this.disposers.indexOf(one), 1);
      this.registry.safe(id, one.dispose, undefined);
    }
    this.stops.get(id)?.abort();
    this.stops.delete(id);
    this.apis.delete(id);
    this.registry.removePlugin(id);
  }

  /** Aborted when the room is left, or when the plugin is switched off. */
  private signalOf(id: string): AbortSignal {
    const stop = this.stops.get(id) ?? new AbortController();
    this.stops.set(id, stop);
    this.leaving.signal.addEventListener('abort', () => stop.abort(), { once: true });
    return stop.signal;
  }

  /** A plugin that is switched on during the call hears at once that the connection stands. */
  private listen(id: string, signal: AbortSignal, event: string, listener: (...args: never[]) => void): Dispose {
    const hear = (...args: never[]) => this.registry.safe(id, () => listener(...args), undefined);
    const dispose = this.bus.on(event, hear);
    signal.addEventListener('abort', dispose, { once: true });
    if (event === 'connected' && this.room.state === 'connected') queueMicrotask(() => !signal.aborted && hear());
    return dispose;
  }

  /** Runs a callback of a plugin that may be asynchronous. */
  run(plugin: string, callback: () => unknown) {
    const failed = (error: unknown) => {
      this.fail(plugin, error);
      toast(t('“{plugin}” couldn’t do that: {reason}', { plugin: this.nameOf(plugin), reason: wordsOf(error) }), 'error');
    };
    try {
      Promise.resolve(callback()).catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Why the person may not use a device, in the words of the first plugin that knows. */
  explain(what: Sendable): string | null {
    const texts = this.registry.list('explanation').map(({ plugin, text }) => this.registry.safe(plugin, () => text(what), null));
    return texts.find(Boolean) ?? null;
  }

  nameOf(plugin: string): string {
    return this.entries.find((entry) => entry.id === plugin)?.name ?? plugin;
  }

  apiOf(plugin: string): RoomApi {
    const known = this.apis.get(plugin);
    if (known) return known;
    const entry = this.entries.find((candidate) => candidate.id === plugin);
    if (!entry) throw new Error(`There is no plugin "${plugin}"`);
    const api = this.makeApi(entry);
    this.apis.set(plugin, api);
    return api;
  }

  private async load(plugin: PluginEntry, load: Load, ms: number) {
    const state = { tooLate: false };
    try {
      await inTime(this.setUp(plugin, load, state), ms);
    } catch (error) {
      state.tooLate = true;
      this.registry.removePlugin(plugin.id);
      this.fail(plugin.id, error);
    }
  }

  private async setUp(plugin: PluginEntry, load: Load, state: { tooLate: boolean }) {
    if (plugin.apiVersion > API_VERSION) {
      throw new Error(`needs room API ${plugin.apiVersion}; this server has ${API_VERSION}`);
    }
    addStyles(plugin.css ?? []);
    const { default: setup } = await load(plugin.module);
    if (typeof setup !== 'function') throw new Error(`${plugin.module} has no default export function`);
    if (state.tooLate) return;
    const dispose = await (setup as PluginSetup)(this.apiOf(plugin.id));
    if (state.tooLate) this.registry.removePlugin(plugin.id);
    if (typeof dispose === 'function') this.disposers.push({ id: plugin.id, dispose });
  }

  private makeApi(plugin: PluginEntry): RoomApi {
    const { registry, config, admission } = this;
    const { id } = plugin;
    const signal = this.signalOf(id);
    const storageKey = (key: string) => `audimax:${id}:${key}`;
    return {
      apiVersion: API_VERSION,
      plugin: { id, name: plugin.name, config: plugin.config ?? {}, api: plugin.api },
      info: { id: config.room.id, title: config.room.title, lectureId: admission.lecture_id, locale: config.locale },
      me: this.me,
      lk: this.room,
      signal,
      addPanel: (spec) => registry.add('panel', id, spec),
      addControl: (spec) => registry.add('control', id, spec),
      addOverlay: (spec) => registry.add('overlay', id, spec),
      addSign: (spec) => registry.add('sign', id, spec),
      addTileBadge: (spec) => registry.add('tileBadge', id, spec),
      addParticipantAction: (spec) => registry.add('participantAction', id, spec),
      addPeopleAction: (spec) => registry.add('peopleAction', id, spec),
      addPeopleRank: (spec) => registry.add('peopleRank', id, spec),
      addExplanation: (spec) => registry.add('explanation', id, spec),
      addSettings: (spec) => registry.add('settings', id, spec),
      turnOn: (what) => this.turnOn(what),
      openPanel: (panel) => registry.show(panel === null ? null : panelKey(id, panel)),
      panelOpen: (panel) => registry.openPanel === panelKey(id, panel),
      refresh: registry.bump,
      on: (event: string, listener: (...args: never[]) => void) => this.listen(id, signal, event, listener),
      api: pluginRoutes(plugin.api, signal),
      upload: (file, options) => this.uploads.add(file, options, plugin.api, signal),
      formatSize,
      storage: {
        get: (key, fallback) => remembered(storageKey(key), fallback),
        set: (key, value) => remember(storageKey(key), value),
      },
      toast: (message, options) => toast(message, options?.kind),
      farewell: (words) => void (this.farewell = words),
      announce,
      t: (text, vars) => fill(plugin.strings?.[text] ?? text, vars),
      ui,
    };
  }
}

export const wordsOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));
