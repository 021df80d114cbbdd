/**
 * What stands in the volumes of one node, for as long as its process lives: a tree for each volume of a pod,
 * which goes with the pod, one for each volume of the cluster that is no folder of the node, and one for the
 * node's own folders. Programs that are not simulated may have written to them too, so of a path that nobody
 * wrote here nobody can tell; only what the kubelet filled is known to the last file.
 */
import type { Mount } from '../interface.js';
import { FileTree } from './file-tree.js';
import type { MountedTree } from './files.js';

/** Of volumes that outlive their pods: the one that was used least recently is forgotten. */
const MAX_SHARED = 200;
/** A node runs far fewer; those of pods that never came to run are forgotten in the end. */
const MAX_PODS = 1000;

export class VolumeTrees {
  private readonly host = new FileTree();
  private readonly shared = new Map<string, FileTree>();
  /** Pod → volume → tree. */
  private readonly pods = new Map<string, Map<string, FileTree>>();

  mounted(podUid: string, { path, source, subPath, readOnly }: Mount): MountedTree {
    if (source.kind === 'host')
      return { path, tree: this.host, at: `${source.path}/${subPath}`, readOnly };
    const tree =
      source.kind === 'pod'
        ? this.ofPod(podUid, source.volume)
        : this.ofCluster(source.persistentVolume);
    return { path, tree, at: `/${subPath}`, readOnly };
  }

  fill(podUid: string, volume: string, files: Readonly<Record<string, string>>): void {
    this.ofPod(podUid, volume).replace(files);
  }

  forgetPod(uid: string): void {
    this.pods.delete(uid);
  }

  private ofPod(uid: string, volume: string): FileTree {
    const trees = this.pods.get(uid) ?? new Map<string, FileTree>();
    if (this.pods.size >= MAX_PODS && !this.pods.has(uid))
      this.pods.delete(this.pods.keys().next().value ?? '');
    this.pods.set(uid, trees);
    const tree = trees.get(volume) ?? new FileTree();
    trees.set(volume, tree);
    return tree;
  }

  private ofCluster(name: string): FileTree {
    const tree = this.shared.get(name) ?? new FileTree();
    this.shared.delete(name);
    if (this.shared.size >= MAX_SHARED) this.shared.delete(this.shared.keys().next().value ?? '');
    this.shared.set(name, tree);
    return tree;
  }
}
