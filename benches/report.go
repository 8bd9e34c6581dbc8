package main

import (
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"unicode/utf8"
)

// section is a titled part of the report; its name is that of the place in the page where it goes.
type section struct {
	name, title, text string
}

// table lays rows out as Markdown that can be read as it is.
func table(rows [][]string) string {
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for column, cell := range row {
			widths[column] = max(widths[column], utf8.RuneCountInString(cell))
		}
	}
	var text strings.Builder
	for index, row := range rows {
		for column, cell := range row {
			text.WriteString("| " + cell + strings.Repeat(" ", widths[column]-utf8.RuneCountInString(cell)+1))
		}
		text.WriteString("|\n")
		if index == 0 {
			for _, width := range widths {
				text.WriteString("|" + strings.Repeat("-", width+2))
			}
			text.WriteString("|\n")
		}
	}
	return text.String()
}

// figures writes a number with three significant digits and no exponent.
func figures(value float64) string {
	switch size := math.Abs(value); {
	case size >= 100:
		return fmt.Sprintf("%.0f", value)
	case size >= 10:
		return fmt.Sprintf("%.1f", value)
	default:
		return fmt.Sprintf("%.2f", value)
	}
}

// shown writes median, smallest and largest value; nothing is told by a dash.
func shown(values []float64, factor float64, unit string) string {
	values = slices.DeleteFunc(slices.Clone(values), math.IsNaN)
	if len(values) == 0 {
		return "–"
	}
	of := spread(values)
	if of.Min == of.Max {
		return figures(of.Median*factor) + unit
	}
	return fmt.Sprintf("%s%s (%s–%s)", figures(of.Median*factor), unit, figures(of.Min*factor), figures(of.Max*factor))
}

var subjectNames = []string{"maibot", "helm 3", "helm 4"}

const mebi = 1.0 / (1 << 20)

func (r *Results) sections() []section {
	sections := []section{{"goals", "Goals", r.goals()}}
	if len(r.Quick) > 0 {
		sections = append(sections, section{"quick", "Without a cluster", r.quick()})
	}
	if len(r.Engines) > 0 {
		sections = append(sections, section{"engine", "Within one process", r.engines()})
	}
	if r.Install != nil {
		sections = append(sections,
			section{"install", "Install", r.Install.summary()},
			section{"requests", "Requests of an installation", r.Install.requests()},
			section{"timeline", "What happens when", r.Install.timeline()})
	}
	return append(sections,
		section{"sizes", "Size of the program", r.sizes()},
		section{"conditions", "Measured", r.conditions()})
}

func (r *Results) conditions() string {
	return fmt.Sprintf("%s, %d cores (%s), %.0f GiB of memory; %s, Helm %s, Helm %s.\n",
		r.Date, r.Machine.Cores, r.Machine.Processor, float64(r.Machine.Memory)/(1<<30),
		"maibot "+r.Versions["maibot"], r.Versions["helm 3"], r.Versions["helm 4"])
}

// goal is a row of the table of goals.
func goal(what, wanted, measured string, met bool) []string {
	verdict := "**missed**"
	if met {
		verdict = "met"
	}
	return []string{what, wanted, measured, verdict}
}

func (r *Results) goals() string {
	rows := [][]string{{"what", "goal", "measured", ""}}
	for _, quick := range r.Quick {
		if quick.Case == "version" {
			wall := spread(quick.Wall["maibot"]).Median
			rows = append(rows, goal("`version`", "≤ 3 ms", shown(quick.Wall["maibot"], 1, " ms"), wall <= 3))
			continue
		}
		if !quick.HasGoals {
			continue
		}
		memory := spread(quick.PeakRSS["maibot"]).Median
		rows = append(rows, goal(quick.Case+", memory", "≤ 20 MB", shown(quick.PeakRSS["maibot"], 1e-6, " MB"), memory <= 20e6))
		for _, helm := range subjectNames[1:] {
			faster := pairedRatios(quick.Wall[helm], quick.Wall["maibot"])
			smaller := pairedRatios(quick.PeakRSS["maibot"], quick.PeakRSS[helm])
			rows = append(rows,
				goal(quick.Case+", time of "+helm, "≥ 20 ×", shown(faster, 1, " ×"), spread(faster).Median >= 20),
				goal(quick.Case+", memory against "+helm, "≤ 0.2", shown(smaller, 1, ""), spread(smaller).Median <= 0.2))
		}
	}
	rows = append(rows, r.engineGoals()...)
	size := r.Sizes["maibot"]
	rows = append(rows, goal("binary", "≤ 12 MB", figures(size/1e6)+" MB", size <= 12e6))
	if r.Install == nil {
		return table(rows)
	}
	i := r.Install
	objects := i.Objects["maibot"]
	if counted := i.grouped(releaseGroups); len(counted) > 0 {
		budget := objects + 12
		rows = append(rows, goal(fmt.Sprintf("requests for N = %d objects", objects), fmt.Sprintf("≤ N + 12 = %d", budget),
			shown(counted, 1, ""), spread(counted).Max <= float64(budget)))
		own := i.grouped(ownGroups)
		rows = append(rows, goal("requests for lock, journal and helper Pod", "≤ 14", shown(own, 1, ""), spread(own).Max <= 14))
	}
	for _, helm := range subjectNames[1:] {
		ratios := i.healthRatios(helm)
		rows = append(rows, goal("bot healthy, share of the time with "+helm, "≤ 0.5", shown(ratios, 1, ""), spread(ratios).Median <= 0.5))
	}
	return table(rows)
}

func (i *Installs) healthRatios(helm string) []float64 {
	healthy := func(run *InstallRun) float64 { return run.Healthy }
	return pairedRatios(i.values("maibot", healthy), i.values(helm, healthy))
}

// grouped gives how many requests of these groups maibot made, run by run.
func (i *Installs) grouped(groups []Group) []float64 {
	var counted []float64
	for _, run := range i.Runs["maibot"] {
		if run.Groups != nil {
			counted = append(counted, float64(run.Groups.sum(groups)))
		}
	}
	return counted
}

func (r *Results) quick() string {
	var text strings.Builder
	for index, quick := range r.Quick {
		if index > 0 {
			text.WriteString("\n")
		}
		rows := [][]string{{quick.Case, "wall / maibot", "user + sys / maibot", "memory / maibot", "wall", "user + sys", "peak memory"}}
		for _, name := range append(slices.Clone(subjectNames), nothing) {
			rows = append(rows, []string{
				name,
				shown(pairedRatios(quick.Wall[name], quick.Wall["maibot"]), 1, " ×"),
				shown(pairedRatios(quick.CPU[name], quick.CPU["maibot"]), 1, " ×"),
				shown(pairedRatios(quick.PeakRSS[name], quick.PeakRSS["maibot"]), 1, " ×"),
				shown(quick.Wall[name], 1, " ms"),
				shown(quick.CPU[name], 1, " ms"),
				shown(quick.PeakRSS[name], mebi, " MiB"),
			})
		}
		text.WriteString(table(rows))
	}
	return text.String()
}

func (i *Installs) summary() string {
	rows := [][]string{{"", "bot healthy / maibot", "bot healthy", "command ends", "user + sys", "peak memory", "requests"}}
	for _, name := range subjectNames {
		rows = append(rows, []string{
			name,
			shown(pairedRatios(i.values(name, func(run *InstallRun) float64 { return run.Healthy }), i.values("maibot", func(run *InstallRun) float64 { return run.Healthy })), 1, " ×"),
			shown(i.values(name, func(run *InstallRun) float64 { return run.Healthy }), 1, " s"),
			shown(i.values(name, func(run *InstallRun) float64 { return run.Wall }), 1, " s"),
			shown(i.values(name, func(run *InstallRun) float64 { return run.CPU }), 1e3, " ms"),
			shown(i.values(name, func(run *InstallRun) float64 { return run.PeakRSS }), mebi, " MiB"),
			shown(i.values(name, requestsOf), 1, ""),
		})
	}
	return table(rows)
}

func (i *Installs) requests() string {
	if len(i.grouped(releaseGroups)) == 0 {
		return "This cluster has no audit log to count in.\n"
	}
	rows := [][]string{{"maibot's requests for", "count", "counted against"}}
	add := func(groups []Group, against string) {
		for _, group := range groups {
			counted := i.grouped([]Group{group})
			if spread(counted).Max > 0 {
				rows = append(rows, []string{string(group), shown(counted, 1, ""), against})
			}
		}
		rows = append(rows, []string{"**sum**", shown(i.grouped(groups), 1, ""), against})
	}
	add(releaseGroups, fmt.Sprintf("N + 12 = %d", i.Objects["maibot"]+12))
	add(ownGroups, "14")
	add(otherGroups, "–")
	text := table(rows)
	for _, name := range subjectNames {
		seen := map[string]bool{}
		for _, run := range i.Runs[name] {
			for agent := range run.Agents {
				seen[agent] = true
			}
		}
		text += fmt.Sprintf("\n%s: %s requests for %d objects; user agents %s.\n", name,
			shown(i.values(name, requestsOf), 1, ""), i.Objects[name], strings.Join(sortedKeys(seen), ", "))
	}
	return text
}

// timeline gives, for each subject, what was seen in most runs, at its median time.
func (i *Installs) timeline() string {
	var text strings.Builder
	for _, name := range subjectNames {
		runs := i.Runs[name]
		times := map[string][]float64{}
		for _, run := range runs {
			for _, mark := range run.Timeline {
				if !strings.HasPrefix(mark.What, "  event ") {
					times[mark.What] = append(times[mark.What], mark.At)
				}
			}
		}
		var marks []Mark
		for what, at := range times {
			if 2*len(at) > len(runs) {
				marks = append(marks, Mark{spread(at).Median, what})
			}
		}
		slices.SortFunc(marks, func(a, b Mark) int {
			if a.At != b.At {
				return int(math.Copysign(1, a.At-b.At))
			}
			return strings.Compare(a.What, b.What)
		})
		fmt.Fprintf(&text, "%s:\n\n```\n", name)
		for _, mark := range marks {
			fmt.Fprintf(&text, "%6.2f s  %s\n", mark.At, mark.What)
		}
		text.WriteString("```\n\n")
	}
	return strings.TrimSuffix(text.String(), "\n")
}

func (r *Results) sizes() string {
	rows := [][]string{{"", "size / maibot", "size"}}
	for _, name := range subjectNames {
		rows = append(rows, []string{name, figures(r.Sizes[name]/r.Sizes["maibot"]) + " ×", figures(r.Sizes[name]/1e6) + " MB"})
	}
	return table(rows)
}

// writePage puts sections between the lines `<!-- measured: NAME -->` and `<!-- end -->` of a page. What has no place
// in the page is left out; a place without a section of this run stays as it is.
func writePage(path string, sections []section) error {
	content, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	page := string(content)
	for _, section := range sections {
		begin := "<!-- measured: " + section.name + " -->\n"
		head, rest, found := strings.Cut(page, begin)
		if !found {
			continue
		}
		_, tail, found := strings.Cut(rest, "<!-- end -->")
		if !found {
			return fmt.Errorf("%s: no `<!-- end -->` after the beginning of %s", path, section.name)
		}
		page = head + begin + section.text + "<!-- end -->" + tail
	}
	return os.WriteFile(path, []byte(page), 0o644)
}
