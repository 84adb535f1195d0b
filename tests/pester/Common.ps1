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
$env:XDG_CACHE_HOME = Join-Path ([System.IO.Path]::GetTempPath()) "modelops-pester-cache-$PID"

function New-TestFolder {
    (New-Item -ItemType Directory (Join-Path ([System.IO.Path]::GetTempPath()) "modelops-pester-$([guid]::NewGuid().ToString('n'))")).FullName
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

# The worker processes of this shell.
function Get-Worker {
    Get-Process -Name pwsh | Where-Object { $_.Parent.Id -eq $PID }
}

# The errors that a script block writes without ending.
function Get-WrittenError([scriptblock] $Script) {
    $ErrorActionPreference = 'Continue'
    & $Script 2>&1 | Where-Object { $_ -is [System.Management.Automation.ErrorRecord] }
}
