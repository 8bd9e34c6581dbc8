package main

import (
	"math"
	"slices"
	"testing"
)

func TestTheMedianOfAnEvenNumberLiesBetweenTheMiddleTwo(t *testing.T) {
	if got := spread([]float64{4, 1, 3, 2}); got != (Spread{Median: 2.5, Min: 1, Max: 4, Count: 4}) {
		t.Errorf("%+v", got)
	}
	if got := spread([]float64{9, 1, 3}); got.Median != 3 {
		t.Errorf("%+v", got)
	}
}

func TestRatiosAreTakenRoundByRound(t *testing.T) {
	got := pairedRatios([]float64{10, 40, math.NaN()}, []float64{1, 4, 1})
	if !slices.Equal(got, []float64{10, 10}) {
		t.Errorf("%v", got)
	}
}
