package plugbay

import (
	"errors"
	"testing"
)

func TestDocumentsSayNoMoreThanTheyWereTold(t *testing.T) {
	for _, row := range []struct {
		value interface{ document() []byte }
		want  string
	}{
		{&Request{URL: "u\""}, `{"url":"u\""}`},
		{
			&Request{Method: "POST", URL: "u", Headers: []Header{{"a", "b"}}, TimeoutMs: 5},
			`{"url":"u","method":"POST","headers":[["a","b"]],"timeout_ms":5}`,
		},
		{&Opening{URL: "u", Protocols: []string{"p"}}, `{"url":"u","protocols":["p"]}`},
		{&Sound{Name: "bell"}, `{"sound":"bell"}`},
		{&Program{Path: "p", Args: []string{"a"}}, `{"program":"p","args":["a"]}`},
	} {
		if got := string(row.value.document()); got != row.want {
			t.Errorf("%s, wanted %s", got, row.want)
		}
	}
}

func TestErrorsHaveTheHostsWords(t *testing.T) {
	err := readError(Failed, []byte(`{"class":"failed","message":"no route","kind":"connect"}`))
	if err.Error() != "failed: no route" || !errors.Is(err, Failed) || errors.Is(err, Denied) {
		t.Error(err)
	}
	if err := readError(-9, nil); err.Error() != "other: other" {
		t.Error(err)
	}
	if err := KVSet(nil, nil); !errors.Is(err, Unavailable) {
		t.Error(err)
	}
	if Answer(0) != nil || checked(1) != nil || bare(0) != nil {
		t.Error("there is no answer, and no error")
	}
}
