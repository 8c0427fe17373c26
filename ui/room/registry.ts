/** What the plugins have added to the room. Knows neither React nor LiveKit. */
import type {
  ControlSpec,
  Dispose,
  ExplanationSpec,
  OverlaySpec,
  PanelSpec,
  ParticipantActionSpec,
  PeopleActionSpec,
  PeopleRankSpec,
  SettingsSpec,
  SignSpec,
  TileBadgeSpec,
} from './sdk';

export interface Kinds {
  panel: PanelSpec;
  control: ControlSpec;
  overlay: OverlaySpec;
  sign: SignSpec;
  tileBadge: TileBadgeSpec;
  participantAction: ParticipantActionSpec;
  peopleAction: PeopleActionSpec;
  peopleRank: PeopleRankSpec;
  explanation: ExplanationSpec;
  settings: SettingsSpec;
}
export type Kind = keyof Kinds;
export type Entry<K extends Kind> = Kinds[K] & { plugin: string; key: string };

interface Item {
  kind: Kind;
  entry: Entry<Kind>;
}

/** Keys that belong to the room itself. */
export const ROOM_KEYS: ReadonlySet<string> = new Set(['m', 'v', 's', 'p', 'l', 'f', '?', 'escape', 'enter', ' ', 'tab']);

const byOrder = (a: Entry<Kind>, b: Entry<Kind>) => (a.order ?? 100) - (b.order ?? 100) || a.key.localeCompare(b.key);

export const panelKey = (plugin: string, id: string) => `panel:${plugin}:${id}`;

export class Registry {
  private readonly items = new Map<string, Item>();
  private readonly watchers = new Set<() => void>();
  private version = 0;
  private open: string | null = null;
  onError: (plugin: string, error: unknown) => void = () => undefined;

  add<K extends Kind>(kind: K, plugin: string, spec: Kinds[K]): Dispose {
    const key = `${kind}:${plugin}:${spec.id}`;
    if (!spec.id) throw new Error(`${plugin}: a ${kind} needs an id`);
    if (this.items.has(key)) throw new Error(`${plugin} has already added the ${kind} "${spec.id}"`);
    this.checkShortcut(plugin, (spec as { shortcut?: string }).shortcut);
    this.items.set(key, { kind, entry: { ...spec, plugin, key } as Entry<Kind> });
    this.bump();
    return () => this.remove(key);
  }

  list<K extends Kind>(kind: K): Entry<K>[] {
    const ofKind = [...this.items.values()].filter((item) => item.kind === kind);
    return ofKind.map((item) => item.entry).sort(byOrder) as unknown as Entry<K>[];
  }

  /** Those that want to be seen; `args` go to their `visible`. */
  visible<K extends Kind>(kind: K, ...args: unknown[]): Entry<K>[] {
    return this.list(kind).filter((entry) => {
      const { visible } = entry as { visible?: (...args: unknown[]) => boolean };
      return !visible || this.safe(entry.plugin, () => visible(...args), false);
    });
  }

  removePlugin(plugin: string) {
    for (const [key, { entry }] of this.items) if (entry.plugin === plugin) this.items.delete(key);
    if (this.open?.startsWith(panelKey(plugin, ''))) this.open = null;
    this.bump();
  }

  get openPanel(): string | null {
    return this.open;
  }

  show(key: string | null) {
    if (this.open === key) return;
    this.open = key;
    this.bump();
  }

  toggle(key: string) {
    this.show(this.open === key ? null : key);
  }

  /** A callback of a plugin never breaks the room: it is reported, and the fallback stands in. */
  safe<T>(plugin: string, callback: (() => T) | undefined, fallback: T): T {
    if (!callback) return fallback;
    try {
      return callback();
    } catch (error) {
      this.onError(plugin, error);
      return fallback;
    }
  }

  readonly bump = () => {
    this.version += 1;
    for (const watcher of [...this.watchers]) watcher();
  };
  readonly subscribe = (watcher: () => void) => {
    this.watchers.add(watcher);
    return () => void this.watchers.delete(watcher);
  };
  readonly snapshot = () => this.version;

  private remove(key: string) {
    if (!this.items.delete(key)) return;
    if (this.open === key) this.open = null;
    this.bump();
  }

  private checkShortcut(plugin: string, shortcut: string | undefined) {
    if (shortcut && ROOM_KEYS.has(shortcut.toLowerCase())) {
      throw new Error(`${plugin}: the key "${shortcut}" belongs to the room; take another one`);
    }
  }
}
