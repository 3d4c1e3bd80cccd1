{#-
    Checks of the macros and generic tests that no model's unit test can make, run by
    tests/python/test_macros.py through `dbt run-operation check_macros`. Raises with the
    name of the first check that fails.
-#}
{% macro check_macros() %}
    {%- set repeats = "(select 1 as a, 'x' as b union all select 1, 'y' union all select 1, 'x')" -%}
    {%- set null_repeats = "(select null as a, 'x' as b union all select null, 'x')" -%}
    {%- do expect_rows("a repeated pair is found", test_unique_combination(repeats, ["a", "b"]), 1) -%}
    {%- do expect_rows("nulls count as one value", test_unique_combination(null_repeats, ["a"]), 1) -%}
    {%- do expect_rows("different pairs pass", test_unique_combination("(select 1 as a, 2 as b union all select 1, 3)", ["a", "b"]), 0) -%}
    {%- set python_uuid = "select 1 where " ~ uuid5(["'user'", "'t'", "null", "'ü'"])
        ~ " = '" ~ var("expected_uuid") ~ "'" -%}
    {%- do expect_rows("uuid5 equals Python's", python_uuid, 1) -%}
    {%- set draws = "select count(distinct d) as kinds, min(d) as low, max(d) as high from (select "
        ~ scaled_draw(mixed_bits("n"), "10") ~ " as d from range(1000) as numbers (n))" -%}
    {%- do expect_rows("draws cover [0, size)", "select 1 from (" ~ draws ~ ") where kinds = 10 and low = 0 and high = 9", 1) -%}
    {%- for check, input, as_of, found in [
        ("an input at as_of is late", "timestamp '2024-01-02'", "timestamp '2024-01-02'", 1),
        ("an input after as_of is late", "timestamp '2024-01-03'", "timestamp '2024-01-02'", 1),
        ("an input before as_of passes", "timestamp '2024-01-01 23:59:59.999999'", "timestamp '2024-01-02'", 0),
        ("an input without as_of is late", "timestamp '2024-01-01'", "cast(null as timestamp)", 1),
        ("no input passes", "cast(null as timestamp)", "cast(null as timestamp)", 0),
    ] -%}
    {%- set row = "(select " ~ input ~ " as last_at, " ~ as_of ~ " as as_of)" -%}
    {%- do expect_rows(check, test_inputs_before_as_of(row, ["last_at"]), found) -%}
    {%- endfor -%}
{% endmacro %}

{% macro expect_rows(check, sql, row_count) %}
    {%- set found = run_query("select count(*) from (" ~ sql ~ ")").columns[0].values()[0] -%}
    {%- if found != row_count -%}
        {{ exceptions.raise_compiler_error(
            check ~ ": expected " ~ row_count ~ " rows, found " ~ found
        ) }}
    {%- endif -%}
{% endmacro %}
