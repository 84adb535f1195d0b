using System.Globalization;
using System.Text;

namespace ModelOps.Server.Inference;

/// <summary>Metrics in Prometheus's text format (version 0.0.4).</summary>
internal sealed class PrometheusText
{
    private readonly StringBuilder _text = new();

    /// <summary>Media type of the text.</summary>
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    public PrometheusText Counter(string name, string help, IEnumerable<(string Labels, long Value)> values) => Add(name, "counter", help, values.Select(value => (value.Labels, (double)value.Value)));

    public PrometheusText Gauge(string name, string help, IEnumerable<(string Labels, double Value)> values) => Add(name, "gauge", help, values);

    public PrometheusText Histogram(string name, string help, IEnumerable<(string Labels, Histogram Histogram)> values)
    {
        Head(name, "histogram", help);
        foreach ((string labels, Histogram histogram) in values)
        {
            (long[] cumulative, double sum) = histogram.Read();
            for (int i = 0; i < cumulative.Length; i++)
            {
                string bound = i < Inference.Histogram.Bounds.Count ? Inference.Histogram.Bounds[i].ToString(CultureInfo.InvariantCulture) : "+Inf";
                Line($"{name}_bucket", $"{labels},{Label("le", bound)}", cumulative[i]);
            }
            Line($"{name}_sum", labels, sum);
            Line($"{name}_count", labels, cumulative[^1]);
        }
        return this;
    }

    /// <summary>A label with its value escaped.</summary>
    public static string Label(string name, string value)
        => $"{name}=\"{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal)}\"";

    public override string ToString() => _text.ToString();

    private PrometheusText Add(string name, string type, string help, IEnumerable<(string Labels, double Value)> values)
    {
        Head(name, type, help);
        foreach ((string labels, double value) in values)
            Line(name, labels, value);
        return this;
    }

    private void Head(string name, string type, string help) => _text.Append(CultureInfo.InvariantCulture, $"# HELP {name} {help}\n# TYPE {name} {type}\n");

    private void Line(string name, string labels, double value)
        => _text.Append(name).Append(labels.Length > 0 ? $"{{{labels}}}" : "").Append(' ').Append(value.ToString(CultureInfo.InvariantCulture)).Append('\n');
}
