package tokenstore_test

import (
	"testing"

	"github.com/ewsmail/ewsmail/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
