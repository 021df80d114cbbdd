/**
 * Servers that every course uses: that they run until they are stopped, where they listen, and what they answer to
 * probes. Only of an image's own command and configuration is anything certain; of all else nothing is said. Pure.
 */
import { parseImageName } from '../../images/image-name.js';
import type { ContainerConfig, ProbeOutcome, ProbeRequest } from '../interface.js';
import { nameOf } from './image-facts.js';

interface Server {
  readonly ports: readonly number[];
  /** What it has to show; absent: it does not speak HTTP. */
  readonly pages?: readonly string[];
}

const SERVERS: Readonly<Record<string, Server | undefined>> = {
  nginx: { ports: [80], pages: ['/', '/index.html', '/50x.html'] },
  httpd: { ports: [80], pages: ['/', '/index.html'] },
  redis: { ports: [6379] },
  memcached: { ports: [11211] },
  mysql: { ports: [3306, 33060] },
  mariadb: { ports: [3306] },
  postgres: { ports: [5432] },
  mongo: { ports: [27017] },
};
/** Run until they are stopped as well; where they listen depends. */
const OTHERS = new Set(
  (
    'caddy cassandra consul couchdb drupal eclipse-mosquitto elasticsearch ghost grafana/grafana haproxy influxdb ' +
    'jenkins/jenkins joomla kibana kong logstash nats neo4j nextcloud nginxinc/nginx-unprivileged phpmyadmin ' +
    'prom/prometheus rabbitmq registry solr sonarqube tomcat traefik varnish vault wordpress zookeeper'
  ).split(' '),
);
/** `agnhost liveness` is well for this long. */
const AGNHOST_WELL_MS = 10_000;
const GIVEN_MOUNTS = '/var/run/secrets/';

/** Whether the container runs its image's own server. */
export function isServer(config: ContainerConfig): boolean {
  if (config.command.length > 0) return false;
  const name = nameOf(config.image);
  if (!SERVERS[name] && !OTHERS.has(name)) return false;
  // Arguments are the server's own, or another program's name.
  return config.args.length === 0 || config.args[0]?.startsWith('-') === true;
}

/** What the container answers; undefined: nobody can tell. */
export function serverAnswer(
  config: ContainerConfig,
  request: ProbeRequest,
  ageMs: number,
): ProbeOutcome | undefined {
  if (request.handler === 'exec' || request.handler === 'grpc') return undefined;
  if (isAgnhostLiveness(config)) {
    if (request.handler !== 'http' || ageMs < AGNHOST_WELL_MS) return undefined;
    return pathOf(request) === '/healthz' ? statusCode(500) : undefined;
  }
  const server = SERVERS[nameOf(config.image)];
  const isPlain =
    config.command.length === 0 &&
    config.args.length === 0 &&
    (config.mounts ?? []).every((mount) => mount.path.startsWith(GIVEN_MOUNTS));
  if (!server || !isPlain) return undefined;
  if (!server.ports.includes(portOf(request))) return refused(request);
  if (request.handler === 'tcp') return { ok: true, output: '' };
  if (!server.pages) return undefined;
  if (request.target.startsWith('https:')) {
    return {
      ok: false,
      output: `Get "${request.target}": http: server gave HTTP response to HTTPS client`,
    };
  }
  return server.pages.includes(pathOf(request)) ? { ok: true, output: '' } : statusCode(404);
}

export function refused({ handler, target }: ProbeRequest): ProbeOutcome {
  const why = `dial tcp ${addressOf(target)}: connect: connection refused`;
  return { ok: false, output: handler === 'http' ? `Get "${target}": ${why}` : why };
}

/** `10.0.0.5:80` of a URL or an address. */
export function addressOf(target: string): string {
  return target.replace(/^https?:\/\//, '').replace(/\/.*$/, '');
}

function portOf({ target }: ProbeRequest): number {
  return Number(addressOf(target).replace(/^.*:/, ''));
}

function pathOf({ target }: ProbeRequest): string {
  return target.replace(/^https?:\/\/[^/]*/, '').replace(/\?.*$/, '');
}

function statusCode(code: number): ProbeOutcome {
  return { ok: false, output: `HTTP probe failed with statuscode: ${code}` };
}

function isAgnhostLiveness({ image, command, args }: ContainerConfig): boolean {
  const { path } = parseImageName(image);
  if (/(^|\/)agnhost$/.test(path)) return command.length === 0 && args[0] === 'liveness';
  return /^(google_containers\/|k8s-staging\/)?liveness$/.test(path);
}
