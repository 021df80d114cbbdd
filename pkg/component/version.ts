/** Which Kubernetes this is, and that it is drydock: what `gitVersion` and a node's `kubeletVersion` say. */
export const GIT_VERSION = 'v1.35.0+drydock.1';
