import json

import numpy as np
import pandas as pd
import pytest

from murid.errors import FormatError
from murid.export.tables import write_measures, write_table

TABLE = {
    "animal": np.array(["a", 'b,"c"']),
    "x_cm": np.array([0.1 + 0.2, np.nan]),
    "n": np.array([1, 2]),
    "on": [True, False],
}


@pytest.mark.parametrize(("suffix", "read"), [(".csv", pd.read_csv), (".parquet", pd.read_parquet)])
def test_tables_are_read_back(tmp_path, suffix, read):
    write_table(tmp_path / f"t{suffix}", TABLE)
    table = read(tmp_path / f"t{suffix}")
    assert table["animal"].tolist() == ["a", 'b,"c"']
    np.testing.assert_array_equal(table["x_cm"], [0.3, np.nan])
    assert table["n"].tolist() == [1, 2]
    assert table["on"].tolist() == [True, False]


def test_missing_values_are_empty_cells(tmp_path):
    write_table(tmp_path / "t.csv", TABLE)
    assert (tmp_path / "t.csv").read_text().splitlines()[2] == '"b,""c""",,2,false'
    with pytest.raises(FormatError, match=r"suffix: expected .csv or .parquet, got '.xls'"):
        write_table(tmp_path / "t.xls", TABLE)


def test_file_of_a_table_without_columns_is_deleted(tmp_path):
    write_measures(tmp_path / "m", {"animals": TABLE, "zones": TABLE}, {"bin": None})
    written = write_measures(tmp_path / "m", {"animals": TABLE, "zones": {}}, {"bin": 3})
    assert [path.name for path in written] == ["animals.csv", "settings.json"]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "animals.csv",
        "settings.json",
    ]
    assert json.loads((tmp_path / "m" / "settings.json").read_text()) == {"bin": 3}
