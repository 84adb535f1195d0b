# Dot-sourced by the tests' BeforeAll: the built module, a hub on loopback, a store and a folder of the test's own.

$Root = Split-Path (Split-Path $PSScriptRoot)
$EvalText = Join-Path $Root 'src/ModelOps.Cli/demo/eval/eval.txt'
$DemoHub = Join-Path $Root 'src/ModelOps.Cli/demo/hub'
$Golden = Join-Path $Root 'tests/assets/golden'

Import-Module (Join-Path $Root 'ModelOps.psd1') -Force

# The hub's tools of the machine that runs the tests must not matter.
foreach ($name in 'HF_TOKEN', 'HUGGING_FACE_HUB_TOKEN', 'HF_HUB_OFFLINE', 'TRANSFORMERS_OFFLINE', 'HF_ENDPOINT', 'HF_HUB_CACHE') {
    Remove-Item "Env:$name" -ErrorAction Ignore
}

# Nor what is measured here, on a busy machine, to the user who runs them.
$cache = Join-Path ([System.IO.Path]::GetTempPath()) "modelops-cache-$PID"
if ($env:XDG_CACHE_HOME -ne $cache) {
    $env:XDG_CACHE_HOME = $cache
    $null = Register-EngineEvent PowerShell.Exiting -SupportEvent -Action {
        # No cmdlets: a shell that ends has none any more.
        if ([System.IO.Directory]::Exists($env:XDG_CACHE_HOME)) { [System.IO.Directory]::Delete($env:XDG_CACHE_HOME, $true) }
    }
}

# With a short name: sockets are made in such folders, whose paths may have about a hundred characters.
function New-TestFolder {
    (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "modelops-$([guid]::NewGuid().ToString('n').Substring(0, 8))")).FullName
}

# Starts `modelops hub` on a folder; it ends with its standard input, at the latest with this process.
function Start-TestHub([string] $Directory = $DemoHub) {
    $built = Get-ChildItem (Join-Path $Root 'src/ModelOps.Cli/bin/*/net10.0/modelops.dll') | Sort-Object LastWriteTime | Select-Object -Last 1
    if (-not $built) { throw 'modelops.dll is not built: dotnet build ModelOps.sln' }
    $start = [System.Diagnostics.ProcessStartInfo]::new('dotnet')
    foreach ($argument in $built.FullName, 'hub', '--directory', $Directory) { $start.ArgumentList.Add($argument) }
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $url = $process.StandardOutput.ReadLine()
    if (-not $url) { throw 'The hub did not start.' }
    [pscustomobject]@{ Process = $process; Url = $url }
}

function Stop-TestHub($Hub) {
    if ($Hub) {
        $Hub.Process.StandardInput.Close()
        $Hub.Process.WaitForExit()
    }
}

# A tiny model that judges documents: a golden encoder under a head of one score, with weights of its own.
function New-Reranker([string] $Folder) {
    $checkpoint = Join-Path $Folder 'ranker-checkpoint'
    Copy-Item -Recurse (Join-Path $Root 'tests/assets/golden/bert/hf') $checkpoint
    $config = Join-Path $checkpoint 'config.json'
    (Get-Content -Raw $config).Replace('BertModel', 'BertForSequenceClassification') | Set-Content $config
    # A safetensors file: the header's length, the header, the data.
    $file = Join-Path $checkpoint 'model.safetensors'
    $whole = [System.IO.File]::ReadAllBytes($file)
    $length = [BitConverter]::ToInt32($whole, 0)
    $header = [System.Text.Encoding]::UTF8.GetString($whole, 8, $length) | ConvertFrom-Json -AsHashtable
    $at = $whole.Length - 8 - $length
    $tensors = [ordered]@{}
    foreach ($name in $header.Keys -ne '__metadata__') { $tensors["bert.$name"] = $header[$name] }
    $tensors['classifier.weight'] = @{ dtype = 'F32'; shape = 1, 32; data_offsets = $at, ($at + 128) }
    $tensors['classifier.bias'] = @{ dtype = 'F32'; shape = , 1; data_offsets = ($at + 128), ($at + 132) }
    $json = [System.Text.Encoding]::UTF8.GetBytes(($tensors | ConvertTo-Json -Depth 5 -Compress))
    $stream = [System.IO.MemoryStream]::new()
    $writer = [System.IO.BinaryWriter]::new($stream)
    $writer.Write([long]$json.Length)
    $writer.Write($json)
    $writer.Write($whole, 8 + $length, $at)
    foreach ($index in 0..32) { $writer.Write([float]([math]::Sin($index * 7) * 2)) }
    [System.IO.File]::WriteAllBytes($file, $stream.ToArray())
    $path = Join-Path $Folder 'ranker.gguf'
    $null = Convert-Model $checkpoint -Type F32 -Output $path
    $path
}

# The worker processes of this shell.
function Get-Worker {
    Get-Process -Name pwsh | Where-Object { $_.Parent.Id -eq $PID }
}

# The errors that a script block writes without ending.
function Get-WrittenError([scriptblock] $Script) {
    $ErrorActionPreference = 'Continue'
    & $Script 2>&1 | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }
}
