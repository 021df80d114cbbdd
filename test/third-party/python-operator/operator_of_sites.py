"""The operator of Sites once more, as people write them with the Python client.

A Site becomes a ConfigMap and a Deployment, its status says how many pods are ready, and a finalizer leaves
a note when it goes. It knows nothing of the server but its kubeconfig (KUBECONFIG).
"""

import queue
import threading
import time

from kubernetes import client, config, watch
from kubernetes.client.exceptions import ApiException

GROUP, VERSION, PLURAL = "ops.example.com", "v1", "sites"
FINALIZER = "site-operator.example.com/note"

config.load_kube_config()
core, apps, custom = client.CoreV1Api(), client.AppsV1Api(), client.CustomObjectsApi()
keys: "queue.Queue[tuple[str, str]]" = queue.Queue()


def follow(listing, key_of, **arguments):
    """Lists, then watches, again and again, whatever becomes of the connection."""
    while True:
        try:
            for event in watch.Watch().stream(listing, timeout_seconds=60, **arguments):
                key = key_of(event["object"])
                if key:
                    keys.put(key)
        except Exception as error:  # a server that is away comes back
            print(f"watch: {error}", flush=True)
            time.sleep(0.2)


def key_of_site(site):
    return site["metadata"]["namespace"], site["metadata"]["name"]


def key_of_owner(deployment):
    for owner in deployment.metadata.owner_references or []:
        if owner.kind == "Site":
            return deployment.metadata.namespace, owner.name
    return None


def found(read, *names):
    try:
        return read(*names)
    except ApiException as error:
        if error.status == 404:
            return None
        raise


def reconcile(namespace, name):
    site = found(custom.get_namespaced_custom_object, GROUP, VERSION, namespace, PLURAL, name)
    if site is None:
        return
    metadata = site["metadata"]
    finalizers = metadata.get("finalizers", [])
    if metadata.get("deletionTimestamp"):
        if FINALIZER in finalizers:
            note = client.V1ConfigMap(metadata=client.V1ObjectMeta(name=f"{name}-gone"))
            if found(core.read_namespaced_config_map, f"{name}-gone", namespace) is None:
                core.create_namespaced_config_map(namespace, note)
            metadata["finalizers"] = [each for each in finalizers if each != FINALIZER]
            custom.replace_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name, site)
        return
    if FINALIZER not in finalizers:
        metadata["finalizers"] = finalizers + [FINALIZER]
        custom.replace_namespaced_custom_object(GROUP, VERSION, namespace, PLURAL, name, site)
        return

    owned = client.V1ObjectMeta(
        name=name,
        owner_references=[
            client.V1OwnerReference(
                api_version=site["apiVersion"], kind=site["kind"], name=name, uid=metadata["uid"],
                controller=True, block_owner_deletion=True,
            )
        ],
    )
    data = {"index.html": site["spec"]["text"]}
    page = found(core.read_namespaced_config_map, name, namespace)
    if page is None:
        core.create_namespaced_config_map(namespace, client.V1ConfigMap(metadata=owned, data=data))
    elif page.data != data:
        page.data = data
        core.replace_namespaced_config_map(name, namespace, page)

    replicas = site["spec"]["replicas"]
    server = found(apps.read_namespaced_deployment, name, namespace)
    if server is None:
        labels = {"site": name}
        container = client.V1Container(name="web", image="nginx")
        server = apps.create_namespaced_deployment(namespace, client.V1Deployment(
            metadata=owned,
            spec=client.V1DeploymentSpec(
                replicas=replicas,
                selector=client.V1LabelSelector(match_labels=labels),
                template=client.V1PodTemplateSpec(
                    metadata=client.V1ObjectMeta(labels=labels),
                    spec=client.V1PodSpec(containers=[container]),
                ),
            ),
        ))
    elif server.spec.replicas != replicas:
        apps.patch_namespaced_deployment(name, namespace, {"spec": {"replicas": replicas}})

    ready = server.status.ready_replicas or 0
    if site.get("status", {}).get("ready") != ready:
        custom.patch_namespaced_custom_object_status(
            GROUP, VERSION, namespace, PLURAL, name, {"status": {"ready": ready}}
        )


for arguments in (
    dict(listing=custom.list_cluster_custom_object, key_of=key_of_site, group=GROUP, version=VERSION, plural=PLURAL),
    dict(listing=apps.list_deployment_for_all_namespaces, key_of=key_of_owner),
):
    threading.Thread(target=follow, kwargs=arguments, daemon=True).start()

while True:
    key = keys.get()
    try:
        reconcile(*key)
    except Exception as error:  # a conflict, or a server that is away: read again
        print(f"reconcile {key}: {error}", flush=True)
        threading.Timer(0.2, keys.put, [key]).start()
