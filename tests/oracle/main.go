// Command helm-oracle answers, with the real Helm 4 libraries, what a template
// renders to, what --set yields, how manifests sort and so on: JSON lines in,
// JSON lines out. See README.md.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"runtime"
	"strings"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/semver/v3"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	typedv1 "k8s.io/client-go/kubernetes/typed/core/v1"
	"sigs.k8s.io/yaml"

	"helm-oracle/internal/oracle"
	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	chart "helm.sh/helm/v4/pkg/chart/v2"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/engine"
	"helm.sh/helm/v4/pkg/getter"
	"helm.sh/helm/v4/pkg/kube/fake"
	releasecommon "helm.sh/helm/v4/pkg/release/common"
	release "helm.sh/helm/v4/pkg/release/v1"
	releaseutil "helm.sh/helm/v4/pkg/release/v1/util"
	"helm.sh/helm/v4/pkg/storage"
	"helm.sh/helm/v4/pkg/storage/driver"
	"helm.sh/helm/v4/pkg/strvals"
)

var commands = map[string]oracle.Handler{
	"render":   render,
	"bench":    timeRenders,
	"strvals":  setValues,
	"yaml":     readOrWriteYAML,
	"sort":     sortManifests,
	"coalesce": coalesce,
	"release":  storedRelease,
	"upgrade":  upgrade,
	"semver":   compareVersions,
	"toml":     readOrWriteTOML,
}

func main() {
	log.SetFlags(0)
	oracle.Main(commands)
}

func load(c oracle.Chart) (*chart.Chart, error) {
	tree, err := c.Tree()
	if err != nil {
		return nil, err
	}
	files := make([]*archive.BufferedFile, len(tree))
	for i, f := range tree {
		files[i] = &archive.BufferedFile{Name: f.Name, Data: f.Data}
	}
	return loader.LoadFiles(files)
}

func readValues(v oracle.Values) (map[string]any, error) {
	parse := func(text []byte) (map[string]any, error) { return loader.LoadValues(bytes.NewReader(text)) }
	return v.Read(parse, strvals.ParseInto)
}

// renderRequest is a chart with everything that a render of it needs.
type renderRequest struct {
	oracle.Chart
	oracle.Values
	Release     oracle.Release
	KubeVersion string   `json:"kube_version"`
	APIVersions []string `json:"api_versions"`
	Strict      bool
	Lint        bool
}

// prepare loads the chart and puts its values together.
func prepare(request []byte) (*chart.Chart, common.Values, engine.Engine, error) {
	q := renderRequest{Release: oracle.DefaultRelease}
	fail := func(err error) (*chart.Chart, common.Values, engine.Engine, error) {
		return nil, nil, engine.Engine{}, err
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return fail(err)
	}
	chrt, err := load(q.Chart)
	if err != nil {
		return fail(err)
	}
	vals, err := readValues(q.Values)
	if err != nil {
		return fail(err)
	}
	caps := common.DefaultCapabilities.Copy()
	if q.KubeVersion != "" {
		v, err := common.ParseKubeVersion(q.KubeVersion)
		if err != nil {
			return fail(err)
		}
		caps.KubeVersion = *v
	}
	caps.APIVersions = append(append(common.VersionSet{}, caps.APIVersions...), q.APIVersions...)
	if err := chartutil.ProcessDependencies(chrt, vals); err != nil {
		return fail(err)
	}
	top, err := util.ToRenderValues(chrt, vals, common.ReleaseOptions(q.Release), caps)
	if err != nil {
		return fail(err)
	}
	return chrt, top, engine.Engine{Strict: q.Strict, LintMode: q.Lint}, nil
}

func render(request []byte) (any, error) {
	chrt, top, engine, err := prepare(request)
	if err != nil {
		return nil, err
	}
	return engine.Render(chrt, top)
}

// timeRenders renders a chart again and again and answers how long each time
// took: parsing its templates and running them, not loading it.
func timeRenders(request []byte) (any, error) {
	q := struct{ Rounds int }{Rounds: 1}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	took := make([]any, 0, q.Rounds)
	size := 0
	for range q.Rounds {
		chrt, top, engine, err := prepare(request)
		if err != nil {
			return nil, err
		}
		runtime.GC() // what is left of loading is not this render's
		began := time.Now()
		files, err := engine.Render(chrt, top)
		took = append(took, time.Since(began).Nanoseconds())
		if err != nil {
			return nil, err
		}
		size = 0
		for _, text := range files {
			size += len(text)
		}
	}
	return map[string]any{"nanoseconds": took, "bytes": size}, nil
}

func setValues(request []byte) (any, error) {
	var q oracle.Expressions
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	options := values.Options{ValueFiles: q.ValueFiles, JSONValues: q.JSON, Values: q.Set,
		StringValues: q.String, FileValues: q.File, LiteralValues: q.Literal}
	return q.InFiles(func() (map[string]any, error) { return options.MergeValues(getter.Providers{}) })
}

func readOrWriteYAML(request []byte) (any, error) {
	var q struct {
		Read      *string
		Into      string
		Documents *string
		Write     json.RawMessage
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	switch {
	case q.Documents != nil:
		return loader.LoadValues(strings.NewReader(*q.Documents))
	case q.Write != nil:
		v, err := oracle.Decode(q.Write)
		if err != nil {
			return nil, err
		}
		text, err := yaml.Marshal(v)
		return string(text), err
	case q.Read == nil:
		return nil, errors.New("bad request: none of read, documents, write")
	}
	switch q.Into {
	case "", "map":
		v := map[string]any{}
		err := yaml.Unmarshal([]byte(*q.Read), &v)
		return v, err
	case "list":
		v := []any{}
		err := yaml.Unmarshal([]byte(*q.Read), &v)
		return v, err
	case "any":
		var v any
		err := yaml.Unmarshal([]byte(*q.Read), &v)
		return v, err
	}
	return nil, errors.New("bad request: into is none of map, list, any")
}

func sortManifests(request []byte) (any, error) {
	var q struct {
		Manifest  *string
		Manifests map[string]string
		Uninstall bool
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	if q.Manifest != nil {
		q.Manifests = map[string]string{"c/templates/t.yaml": *q.Manifest}
	}
	order := releaseutil.InstallOrder
	if q.Uninstall {
		order = releaseutil.UninstallOrder
	}
	hooks, manifests, err := releaseutil.SortManifests(q.Manifests, nil, order)
	if err != nil {
		return nil, err
	}
	hooksOut, manifestsOut := []any{}, []any{}
	for _, h := range hooks {
		hooksOut = append(hooksOut, map[string]any{
			"path": h.Path, "kind": h.Kind, "name": h.Name, "content": h.Manifest, "weight": h.Weight,
			"events": h.Events, "delete_policies": h.DeletePolicies, "output_log_policies": h.OutputLogPolicies,
		})
	}
	for _, m := range manifests {
		manifestsOut = append(manifestsOut, map[string]any{"path": m.Name, "kind": m.Head.Kind, "content": m.Content})
	}
	return map[string]any{"hooks": hooksOut, "manifests": manifestsOut}, nil
}

func coalesce(request []byte) (any, error) {
	var q struct {
		oracle.Chart
		oracle.Values
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	var warnings bytes.Buffer
	defer log.SetOutput(log.Writer())
	log.SetOutput(&warnings)
	chrt, err := load(q.Chart)
	if err != nil {
		return nil, err
	}
	vals, err := readValues(q.Values)
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(chrt, vals); err != nil {
		return nil, err
	}
	final, err := util.CoalesceValues(chrt, vals)
	if err != nil {
		return nil, err
	}
	return map[string]any{
		"values":   map[string]any(final),
		"charts":   charts(chrt),
		"warnings": oracle.Lines(&warnings),
	}, nil
}

// charts are the names of the enabled subcharts, with theirs.
func charts(c *chart.Chart) map[string]any {
	out := map[string]any{}
	for _, d := range c.Dependencies() {
		out[d.Name()] = charts(d)
	}
	return out
}

// upgrade says which values an upgrade gives to the new revision: Helm's own
// action over a record in memory, as a dry run without a cluster.
func upgrade(request []byte) (any, error) {
	var q oracle.Upgrade
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	read := func(s oracle.Side) (*chart.Chart, map[string]any, error) {
		chrt, err := load(s.Chart)
		if err != nil {
			return nil, nil, err
		}
		vals, err := readValues(s.Values)
		return chrt, vals, err
	}
	defer log.SetOutput(log.Writer())
	log.SetOutput(io.Discard)
	chrt, vals, err := read(q.Old)
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(chrt, vals); err != nil {
		return nil, err
	}
	old, err := oracle.Recorded(release.Release{Name: "rel", Namespace: "default", Version: 1, Chart: chrt, Config: vals,
		Info: &release.Info{Status: releasecommon.StatusDeployed}})
	if err != nil {
		return nil, err
	}
	if chrt, vals, err = read(q.New); err != nil {
		return nil, err
	}
	cfg := action.NewConfiguration(action.ConfigurationSetLogger(slog.DiscardHandler))
	cfg.Releases = storage.Init(driver.NewMemory())
	cfg.KubeClient = &fake.PrintingKubeClient{Out: io.Discard}
	cfg.Capabilities = common.DefaultCapabilities
	if err := cfg.Releases.Create(old); err != nil {
		return nil, err
	}
	run := action.NewUpgrade(cfg)
	run.ResetValues, run.ReuseValues, run.ResetThenReuseValues = q.Reset, q.Reuse, q.Then
	run.DryRunStrategy = action.DryRunClient
	made, err := run.Run("rel", chrt, vals)
	if err != nil {
		return nil, err
	}
	rel, ok := made.(*release.Release)
	if !ok {
		return nil, fmt.Errorf("a release of type %T", made)
	}
	final, err := util.CoalesceValues(rel.Chart, rel.Config)
	if err != nil {
		return nil, err
	}
	return map[string]any{"config": rel.Config, "values": map[string]any(final)}, nil
}

// storedRelease turns a release into its Secret ("release") or back ("secret").
func storedRelease(request []byte) (any, error) {
	var q struct {
		Release *release.Release
		Labels  map[string]string
		Secret  *corev1.Secret
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	store := &secrets{}
	d := driver.NewSecrets(store)
	if q.Secret != nil {
		store.one = q.Secret
		return d.Get(q.Secret.Name)
	}
	if q.Release == nil {
		return nil, errors.New("bad request: neither release nor secret")
	}
	q.Release.Labels = q.Labels
	key := fmt.Sprintf("sh.helm.release.v1.%s.v%d", q.Release.Name, q.Release.Version)
	if err := d.Create(key, q.Release); err != nil {
		return nil, err
	}
	return store.one, nil
}

// secrets is a cluster that knows one Secret.
type secrets struct {
	typedv1.SecretInterface
	one *corev1.Secret
}

func (s *secrets) Get(context.Context, string, metav1.GetOptions) (*corev1.Secret, error) {
	return s.one, nil
}

func (s *secrets) Create(_ context.Context, secret *corev1.Secret, _ metav1.CreateOptions) (*corev1.Secret, error) {
	s.one = secret
	return secret, nil
}

func compareVersions(request []byte) (any, error) {
	var q struct{ Constraint, Version string }
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	constraint, err := semver.NewConstraint(q.Constraint)
	if err != nil {
		return nil, err
	}
	version, err := semver.NewVersion(q.Version)
	if err != nil {
		return nil, err
	}
	return constraint.Check(version), nil
}

func readOrWriteTOML(request []byte) (any, error) {
	var q struct {
		Read  *string
		Write json.RawMessage
	}
	if err := json.Unmarshal(request, &q); err != nil {
		return nil, err
	}
	if q.Read != nil {
		v := map[string]any{}
		err := toml.Unmarshal([]byte(*q.Read), &v)
		return times(v), err
	}
	v, err := oracle.Decode(q.Write)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = toml.NewEncoder(&text).Encode(v)
	return text.String(), err
}

// times replaces dates, which JSON lacks, by {"$time": what a template prints}.
func times(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			v[k] = times(e)
		}
	case []any:
		for i, e := range v {
			v[i] = times(e)
		}
	case []map[string]any:
		for _, e := range v {
			times(e)
		}
	case time.Time:
		return map[string]any{"$time": v.String()}
	}
	return v
}
