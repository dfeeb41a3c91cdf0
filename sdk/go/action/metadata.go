package action

import (
	"github.com/plugbay/plugbay/sdk/go/internal/asked"
	"github.com/plugbay/plugbay/sdk/go/json"
)

// Metadata is what a plugin says of itself: `plugbay inspect` shows it. What package capabilities was told is part of
// it.
type Metadata struct {
	Name, Version, Description, Author, License string
}

var described *Metadata

// Describe says what the plugin is. Without it there is no metadata.
func Describe(metadata Metadata) { described = &metadata }

func (m *Metadata) document() []byte {
	document := json.NewObject()
	for _, field := range [][2]string{
		{"name", m.Name}, {"version", m.Version}, {"description", m.Description}, {"author", m.Author},
		{"license", m.License}, {"type", "action"},
	} {
		document.Set(field[0], json.Text(field[1]))
	}
	return document.Set("capabilities", json.Texts(asked.Names...)).Write()
}
