package main

import (
	"strings"
	"testing"

	"github.com/plugbay/plugbay/sdk/go/hooks"
	"github.com/plugbay/plugbay/sdk/go/hooks/config"
)

func question(t *testing.T, text string) string {
	if err := config.Init(`{"most_words": 3}`); err != nil {
		t.Fatal(err)
	}
	return string(hooks.Call("pre_hook", `{"context": {}, "request": {"input": [{"role": "user", "content": "`+text+`"}]}}`))
}

func TestShortQuestionsGoOnWithAnInstruction(t *testing.T) {
	output := question(t, "how are you")
	if !strings.Contains(output, `"words":3`) || !strings.Contains(output, `"Answer in one sentence."`) {
		t.Error(output)
	}
}

func TestLongQuestionsDoNot(t *testing.T) {
	if output := question(t, "and how are you"); !strings.Contains(output, `"status_code":400`) {
		t.Error(output)
	}
}

func TestAWrongConfigurationIsNamed(t *testing.T) {
	err := config.Init(`{"most_words": "many"}`)
	if err == nil || err.Error() != "config.most_words: expected u64, found a string" {
		t.Error(err)
	}
}
