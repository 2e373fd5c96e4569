//go:build !race

package ews_test

const raceEnabled = false
