{
  "version": 1,
  "algorithm": "Ed25519",
  "plugin_hash": "040771482d4326c9c6e747c9cf0ef979e65dfc6cd22cd75dfb47420b688bc160",
  "plugin_size": 25,
  "signed_at": "2025-11-19T08:59:12.123456789+00:00",
  "developer": {
    "name": "Grace",
    "email": "grace@example.org"
  },
  "public_key": "A6EHv/POEL4dcN0Y50vAmWfk1jCbpQ1fHdyGZBJVMbg",
  "signature": "+OtEihkteYJMBMigUR/kU0qqdQPAZXZfrxk/4Jom3INYYNtN9OIRY4WWTaaHRJ4DoG7HGe12L3iptWvxPJM8Dg=="
}
