package main

import (
	"math"
	"slices"
)

// Spread is what is told of repeated measurements: times on a shared machine have no meaningful mean.
type Spread struct {
	Median float64 `json:"median"`
	Min    float64 `json:"min"`
	Max    float64 `json:"max"`
	Count  int     `json:"count"`
}

// spread summarises values; of none, everything is NaN-free zero and Count says so.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Clone(values)
	slices.Sort(sorted)
	middle := len(sorted) / 2
	median := sorted[middle]
	if len(sorted)%2 == 0 {
		median = (sorted[middle-1] + sorted[middle]) / 2
	}
	return Spread{Median: median, Min: sorted[0], Max: sorted[len(sorted)-1], Count: len(sorted)}
}

// pairedRatios divides round by round: what slowed the machine during one round slowed both sides. Rounds in which
// one side has no value (NaN) are left out.
func pairedRatios(numerator, denominator []float64) []float64 {
	var ratios []float64
	for round := range min(len(numerator), len(denominator)) {
		ratio := numerator[round] / denominator[round]
		if !math.IsNaN(ratio) && !math.IsInf(ratio, 0) {
			ratios = append(ratios, ratio)
		}
	}
	return ratios
}
