#!/usr/bin/env bash
# Let galaxy-importer judge a collection's tarball. It ends with 0 whatever it logs, so its log decides.
set -euo pipefail

tarball=$(realpath "$1")
export GALAXY_IMPORTER_CONFIG
GALAXY_IMPORTER_CONFIG=$(realpath "$(dirname "$0")/galaxy-importer.cfg")

# It leaves importer_result.json in the folder it is started in.
cd "$(dirname "$tarball")"
python -m galaxy_importer.main "$tarball" 2>&1 | tee importer.log
if grep --extended-regexp --quiet '^(ERROR|WARNING|CRITICAL)' importer.log; then
    echo "galaxy-importer: see the errors and warnings above" >&2
    exit 1
fi
grep --quiet 'Importer processing completed successfully' importer.log
