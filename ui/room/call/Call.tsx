/** The call itself; loaded while the person is still typing a name. */
import { useEffect, useState } from 'react';
import { RoomContext } from '@livekit/components-react';
import { Room, ScreenSharePresets, type RoomOptions } from 'livekit-client';
import type { Admission } from '../api';
import { choices } from '../choices';
import type { PageConfig } from '../config';
import type { Entrance } from '../entrance';
import { toast } from '../notices';
import { Loading } from '../parts';
import { nowInside } from '../presence';
import { useStore } from '../store';
import { Connection, quickReconnects, type Over } from './connection';
import { CallContext, type CallParts } from './context';
import { Devices } from './devices';
import { PluginHost } from './host';
import { Shell, troubleWords } from './Shell';
import { ViewStore } from './view';

interface CallProps {
  config: PageConfig;
  admission: Admission;
  entrance: Entrance;
  onOver(over: Over): void;
}

function roomOptions(): RoomOptions {
  const { microphoneId, cameraId, speakerId } = choices.value;
  return {
    adaptiveStream: true,
    dynacast: true,
    reconnectPolicy: quickReconnects,
    audioCaptureDefaults: { deviceId: microphoneId, echoCancellation: true, noiseSuppression: true, autoGainControl: true },
    videoCaptureDefaults: { deviceId: cameraId },
    audioOutput: speakerId ? { deviceId: speakerId } : undefined,
    publishDefaults: { simulcast: true, screenShareEncoding: ScreenSharePresets.h1080fps15.encoding },
  };
}

function makeCall({ config, admission, entrance, onOver }: CallProps): CallParts & { room: Room } {
  const room = new Room(roomOptions());
  const host = new PluginHost(config, admission, room);
  const devices = new Devices(room);
  const connection = new Connection({ room, admission, door: entrance, publish: () => devices.publish(), onOver });
  const endForAll = async () => {
    const answer = await entrance.routes.end();
    if (answer.status === 'ended') connection.finish('ended');
    else toast(answer.reason, 'error');
  };
  return { config, host, devices, connection, view: new ViewStore(), endForAll, room };
}

/** Plugins first: no message may come before they listen. */
async function begin(call: CallParts & { room: Room }) {
  const { config, host, connection, room } = call;
  await host.loadAll();
  if (!config.sim) return connection.start();
  const { simulate } = await import('./sim');
  await simulate(room, config.sim, host.me);
  connection.phase.set({ name: 'connected' });
}

export default function Call(props: CallProps) {
  const [call] = useState(() => makeCall(props));
  const [entered, setEntered] = useState(false);
  const phase = useStore(call.connection.phase);
  const { config, admission } = props;

  useEffect(() => {
    void begin(call);
    return () => {
      call.connection.close();
      call.host.close();
    };
  }, [call]);
  useEffect(() => {
    if (phase.name !== 'connected') return;
    setEntered(true);
    nowInside(config.room.id, admission.lecture_id);
  }, [phase, config, admission]);

  if (!entered) return <Loading words={troubleWords(phase)} onCancel={() => call.connection.leave()} />;
  return (
    <CallContext.Provider value={call}>
      <RoomContext.Provider value={call.room}>
        <Shell />
      </RoomContext.Provider>
    </CallContext.Provider>
  );
}
