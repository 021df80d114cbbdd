/**
 * What is known of images that every course uses: those whose own command is a shell, which ends at once where nothing
 * is on its stdin, those of which all programs are known, and whom they run as.
 */
import { parseImageName } from '../../images/image-name.js';
import { base } from './shell-effect.js';

/** Their own command is a shell or a language's prompt. */
const PROMPTS = new Set(
  (
    'alpine almalinux amazonlinux archlinux bash busybox centos debian fedora rockylinux ubuntu ' +
    'clojure erlang gcc golang julia node openjdk perl php python ruby rust eclipse-temurin'
  ).split(' '),
);
/** Their programs are those of busybox, below. */
const BUSYBOX = new Set(['busybox']);
const APPLETS = new Set(
  (
    '[ [[ acpid addgroup adduser adjtimex ar arch arp arping ash awk base64 basename bc blkid brctl bunzip2 bzcat bzip2 ' +
    'cal cat chat chattr chgrp chmod chown chroot chvt cksum clear cmp comm cp cpio crond crontab cut date dc dd df ' +
    'diff dirname dmesg dnsdomainname dos2unix du echo ed egrep env expand expr factor fallocate false fdisk fgrep ' +
    'find flock fold free fsync ftpget ftpput fuser getopt grep groups gunzip gzip halt hd head hexdump hostid ' +
    'hostname httpd hwclock id ifconfig inetd init install ionice ip ipcalc kill killall last less link ln logger ' +
    'login logname ls lsof lzcat md5sum mesg microcom mkdir mkfifo mknod mktemp more mount mv nc netstat nice nl nohup ' +
    'nproc nslookup od passwd paste patch pgrep pidof ping ping6 pkill printenv printf ps pwd readlink realpath renice ' +
    'reset rev rm rmdir route sed seq setsid sh sha1sum sha256sum sha512sum shuf sleep sort split stat strings stty su ' +
    'sum sync sysctl syslogd tac tail tar tee telnet telnetd test tftp time timeout top touch tr traceroute true ' +
    'truncate tty udhcpc umount uname uniq unlink unxz unzip uptime users usleep vi w watch wc wget which who whoami ' +
    'xargs xxd xz xzcat yes zcat busybox'
  ).split(' '),
);
/** Run as root, besides the above. */
const ROOTS = new Set(
  (
    'caddy cassandra consul drupal httpd influxdb joomla mariadb mongo mysql nextcloud nginx phpmyadmin postgres ' +
    'rabbitmq redis registry tomcat traefik wordpress zookeeper'
  ).split(' '),
);
const NAMED_USERS: Readonly<Record<string, string | undefined>> = {
  haproxy: 'haproxy',
  jetty: 'jetty',
  memcached: 'memcache',
  sonarqube: 'sonarqube',
  varnish: 'varnish',
};

/** Whether the image's own command ends as soon as it finds nothing to read. */
export function endsWithoutInput(image: string): boolean {
  return PROMPTS.has(nameOf(image));
}

/** Whether it is certain that the image has no such program. */
export function lacksProgram(image: string, program: string): boolean {
  if (!BUSYBOX.has(nameOf(image))) return false;
  return program.includes('/') ? false : !APPLETS.has(base(program));
}

/** Whom the image runs as: a number, or a name that only the image can resolve. Undefined: nobody can tell. */
export function userOf(image: string): number | string | undefined {
  const name = nameOf(image);
  return NAMED_USERS[name] ?? (PROMPTS.has(name) || ROOTS.has(name) ? 0 : undefined);
}

/** `busybox` of `docker.io/library/busybox:1.36`; images of others may be anything. */
export function nameOf(image: string): string {
  const { domain, path } = parseImageName(image);
  return domain === 'docker.io' ? path.replace(/^library\//, '') : '';
}
