"""Reads a page of metrics with the parser of Prometheus' own client, and prints it as JSON.

usage: metrics.py URL
"""

import json
import sys
from urllib.request import ProxyHandler, build_opener

from prometheus_client.parser import text_string_to_metric_families

page = build_opener(ProxyHandler({})).open(sys.argv[1], timeout=60).read().decode()
print(
    json.dumps(
        {
            family.name: {
                "type": family.type,
                "help": family.documentation,
                "samples": [[sample.name, sample.labels, sample.value] for sample in family.samples],
            }
            for family in text_string_to_metric_families(page)
        }
    )
)
