import { createContext, useContext } from 'react';
import type { Room } from 'livekit-client';
import type { RoomRoutes } from '../api';
import type { PageConfig } from '../config';
import type { Connection } from './connection';
import type { Crowd } from './crowd';
import type { Devices } from './devices';
import type { PluginHost } from './host';
import type { Receiving } from './receiving';
import type { ViewStore } from './view';

export interface CallParts {
  config: PageConfig;
  room: Room;
  crowd: Crowd;
  receiving: Receiving;
  host: PluginHost;
  connection: Connection;
  devices: Devices;
  view: ViewStore;
  routes: RoomRoutes;
  /** Ends the lecture for everybody. */
  endForAll(): Promise<void>;
}

export const CallContext = createContext<CallParts | null>(null);

export function useCall(): CallParts {
  const parts = useContext(CallContext);
  if (!parts) throw new Error('useCall is for components within a call');
  return parts;
}
