module {{ident}}

go 1.24

require github.com/plugbay/plugbay/sdk/go v0.0.0

replace github.com/plugbay/plugbay/sdk/go => ./vendor/plugbay
