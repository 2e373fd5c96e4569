//go:build race

package ews_test

const raceEnabled = true
