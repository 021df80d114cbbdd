// An operator as people write them with controller-runtime: a Site becomes a ConfigMap and a Deployment that
// mounts it, its status says how many pods are ready, and a finalizer leaves a note when it goes. It knows
// nothing of the server but its kubeconfig (KUBECONFIG).
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	metricsserver "sigs.k8s.io/controller-runtime/pkg/metrics/server"
)

const finalizer = "site-operator.example.com/note"

var siteKind = schema.GroupVersionKind{Group: "ops.example.com", Version: "v1", Kind: "Site"}

type reconciler struct{ client.Client }

func newSite() *unstructured.Unstructured {
	site := &unstructured.Unstructured{}
	site.SetGroupVersionKind(siteKind)
	return site
}

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	site := newSite()
	if err := r.Get(ctx, request.NamespacedName, site); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if !site.GetDeletionTimestamp().IsZero() {
		return ctrl.Result{}, r.finalize(ctx, site)
	}
	if controllerutil.AddFinalizer(site, finalizer) {
		return ctrl.Result{}, r.Update(ctx, site)
	}
	text, _, _ := unstructured.NestedString(site.Object, "spec", "text")
	replicas, _, _ := unstructured.NestedInt64(site.Object, "spec", "replicas")

	page := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: site.GetName(), Namespace: site.GetNamespace()}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, page, func() error {
		page.Data = map[string]string{"index.html": text}
		return controllerutil.SetControllerReference(site, page, r.Scheme())
	}); err != nil {
		return ctrl.Result{}, err
	}

	server := &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: site.GetName(), Namespace: site.GetNamespace()}}
	if _, err := controllerutil.CreateOrUpdate(ctx, r.Client, server, func() error {
		labels := map[string]string{"site": site.GetName()}
		count := int32(replicas)
		server.Spec.Replicas = &count
		server.Spec.Selector = &metav1.LabelSelector{MatchLabels: labels}
		server.Spec.Template.Labels = labels
		server.Spec.Template.Spec.Containers = []corev1.Container{{Name: "web", Image: "nginx"}}
		return controllerutil.SetControllerReference(site, server, r.Scheme())
	}); err != nil {
		return ctrl.Result{}, err
	}

	ready := int64(server.Status.ReadyReplicas)
	if seen, found, _ := unstructured.NestedInt64(site.Object, "status", "ready"); found && seen == ready {
		return ctrl.Result{}, nil
	}
	before := site.DeepCopy()
	if err := unstructured.SetNestedField(site.Object, ready, "status", "ready"); err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.Status().Patch(ctx, site, client.MergeFrom(before))
}

func (r *reconciler) finalize(ctx context.Context, site *unstructured.Unstructured) error {
	if !controllerutil.ContainsFinalizer(site, finalizer) {
		return nil
	}
	note := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Name: site.GetName() + "-gone", Namespace: site.GetNamespace()}}
	if err := r.Create(ctx, note); err != nil && !apierrors.IsAlreadyExists(err) {
		return err
	}
	controllerutil.RemoveFinalizer(site, finalizer)
	return r.Update(ctx, site)
}

func run() error {
	ctrl.SetLogger(zap.New())
	lease, renew, retry := 4*time.Second, 3*time.Second, 300*time.Millisecond
	manager, err := ctrl.NewManager(ctrl.GetConfigOrDie(), ctrl.Options{
		LeaderElection:          true,
		LeaderElectionID:        "site-operator",
		LeaderElectionNamespace: "default",
		LeaseDuration:           &lease,
		RenewDeadline:           &renew,
		RetryPeriod:             &retry,
		Metrics:                 metricsserver.Options{BindAddress: "0"},
		HealthProbeBindAddress:  "0",
	})
	if err != nil {
		return err
	}
	err = ctrl.NewControllerManagedBy(manager).
		For(newSite()).
		Owns(&corev1.ConfigMap{}).
		Owns(&appsv1.Deployment{}).
		Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
