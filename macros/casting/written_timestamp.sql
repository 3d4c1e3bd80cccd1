{#-
    A UTC timestamp from the other usual ways to write one, turned into the ISO text
    that DuckDB casts: ISO 8601 without seconds or minutes, with a comma, in the basic
    form, by week or by day of the year; a month alone (its first day); and dates that
    name the month, as asctime, mail, HTTP, JavaScript, Twitter and Apache write them.
    Null for anything else. Two digits of a year are of 1969 to 2068.
-#}
{% macro written_timestamp(text) -%}
    {%- set lower = "lower(" ~ text ~ ")" -%}
    {%- set month = "(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*" -%}
    {%- set zone = "(?: *(z|ut|utc|gmt|[+-]\\d\\d(?::?\\d\\d)?))" -%}
    {%- set date = "^(\\d{4}-\\d{1,2}-\\d{1,2}" -%}
    {#- Each pair is applied to what the one before has left. -#}
    {%- set named = regexp_replaced(lower, [
        ["(?: gmt([+-]\\d{4}))? \\(.*\\)$", " \\1"],
        ["^(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*[.,]?\\s+", ""],
        ["^" ~ month ~ "\\.?\\s+(\\d{1,2}) (\\d\\d?:\\d\\d:\\d\\d)" ~ zone ~ "? (\\d{4})$",
            "\\5-\\1-\\2 \\3\\4"],
        ["^" ~ month ~ "\\.?\\s+(\\d{1,2}),? (\\d{4})\\b", "\\3-\\1-\\2"],
        ["^(\\d{1,2})[ /.-]{1,2}" ~ month ~ "[ /.,-]{1,2}(\\d{4}|\\d\\d)\\b", "\\3-\\2-\\1"],
        ["^(69|[7-9]\\d)(-[a-z])", "19\\1\\2"],
        ["^(\\d\\d)(-[a-z])", "20\\1\\2"],
    ]) -%}
    {%- set numbered = namespace(
        text="case when regexp_matches(" ~ text ~ ", '^\\d{4}[^a-zA-Z]') then "
        ~ lower ~ " else " ~ named ~ " end"
    ) -%}
    {%- for name in [
        "jan", "feb", "mar", "apr", "may", "jun",
        "jul", "aug", "sep", "oct", "nov", "dec",
    ] -%}
        {%- set numbered.text = (
            "replace(" ~ numbered.text ~ ", '-" ~ name ~ "-', '-%02d-')" | format(loop.index)
        ) -%}
    {%- endfor -%}
    {%- set iso = regexp_replaced(numbered.text, [
        ["^(\\d{4})[./](\\d{1,2})[./](\\d{1,2})\\b", "\\1-\\2-\\3"],
        ["^(\\d{4}-\\d\\d)$", "\\1-01"],
        ["^(\\d{4})(\\d\\d)(\\d\\d)([t ])", "\\1-\\2-\\3\\4"],
        ["(\\d) *(?:z|ut|utc|gmt)$", "\\1"],
        ["(\\d) +([+-]\\d\\d(:?\\d\\d)?)$", "\\1\\2"],
        [date ~ ")(?:[t: ]|,? at |, ?)(\\d)", "\\1 \\2"],
        [date ~ " \\d\\d)(\\d\\d)", "\\1:\\2"],
        [date ~ " \\d\\d:\\d\\d)(\\d\\d)", "\\1:\\2"],
        [date ~ " \\d\\d)([+-]|$)", "\\1:00\\2"],
        [date ~ " \\d\\d?:\\d\\d)([+-]|$)", "\\1:00\\2"],
        ["^([^,]*\\d\\d:\\d\\d),(\\d+)", "\\1.\\2"],
    ]) -%}
    case
        when regexp_full_match({{ text }}, '\d{4}-?[wW]\d\d-?[1-7]|\d{4}-\d{3}')
            then list_filter(
                [
                    try_strptime(upper({{ text }}), '%G-W%V-%u'),
                    try_strptime(upper({{ text }}), '%GW%V%u'),
                    try_strptime({{ text }}, '%Y-%j')
                ],
                lambda moment: upper({{ text }}) in (
                    strftime(moment, '%G-W%V-%u'),
                    strftime(moment, '%GW%V%u'),
                    strftime(moment, '%Y-%j')
                )
            )[1]
        else list_transform(
            [{{ iso }}],
            lambda iso: coalesce(
                {{ iso_timestamp("iso") }},
                try_strptime(iso, ['%Y-%m-%d %I:%M:%S %p', '%Y-%m-%d %I:%M %p'])
            )
        )[1]
    end
{%- endmacro %}
