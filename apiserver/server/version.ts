/** What /version says. */
import { GIT_VERSION } from '../../pkg/component/version.js';

export const VERSION_INFO = {
  major: '1',
  minor: '35',
  emulationMajor: '1',
  emulationMinor: '35',
  minCompatibilityMajor: '1',
  minCompatibilityMinor: '34',
  gitVersion: GIT_VERSION,
  // The build puts the commit here.
  gitCommit: process.env['DRYDOCK_GIT_COMMIT'] ?? 'unknown',
  gitTreeState: 'clean',
  buildDate: '2025-12-17T00:00:00Z',
  goVersion: `node${process.version}`,
  compiler: 'v8',
  platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
};
